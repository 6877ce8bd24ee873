# Functions of the web service. A partial has no values in it: what differs comes as an argument.

web_root="$FLEET_ROOT/opt/web"

# What the server answers; fails where none does.
web_ask() {
  local port
  port=$(cat "$web_root/run/port" 2>/dev/null) || return 1
  curl --silent --show-error --fail --max-time 5 "http://127.0.0.1:$port/$1"
}

# Ends the server, if there is one.
web_stop() {
  local pid
  pid=$(cat "$web_root/run/pid" 2>/dev/null) || return 0
  rm -f "$web_root/run/pid" "$web_root/run/port"
  kill "$pid" 2>/dev/null || return 0
  for _ in {1..50}; do
    kill -0 "$pid" 2>/dev/null || return 0
    sleep 0.1
  done
  kill -9 "$pid" 2>/dev/null || true
}

# Starts the current release on a free port and waits until it has one.
web_start() {
  local greeting=$1 server
  mkdir -p "$web_root/run"
  if command -v python3 >/dev/null; then
    server=(python3 "$web_root/current/serve.py")
  else
    server=(perl "$web_root/current/serve.pl")
  fi
  # A service must not hold the script's output open, nor end with its session.
  GREETING=$greeting setsid nohup "${server[@]}" "$web_root" >/dev/null 2>&1 </dev/null &
  for _ in {1..100}; do
    [[ -s $web_root/run/port ]] && return 0
    sleep 0.1
  done
  fleet_fail "the server did not open a port"
}

# Makes a release the current one; `none` takes the service away.
web_switch() {
  local version=$1 greeting=$2
  web_stop
  if [[ $version == none ]]; then
    rm -f "$web_root/current"
    return 0
  fi
  ln -sfn "releases/$version" "$web_root/current"
  web_start "$greeting"
}

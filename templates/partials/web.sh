# Functions of the web service. A partial has no values in it: what differs comes as an argument.
#
#   releases/<version>-<step>/   the server, its VERSION and its GREETING; never changed afterwards
#   current                      the release that should run, a link
#   before                       the one to go back to, a link
#   run/pid, run/port            written by the server once it listens
#
# FLEET_ROOT is empty on a real host. In the sandbox it is the host's folder.
web_root="$FLEET_ROOT/opt/web"

# web_pid: the server's process; fails where none runs. Numbers are used again, so look whose it is.
web_pid() {
  local pid line
  pid=$(cat "$web_root/run/pid" 2>/dev/null) || return 1
  line=$({ tr '\0' ' ' <"/proc/$pid/cmdline"; } 2>/dev/null) || return 1
  [[ $line == *" $web_root "* ]] || return 1
  echo "$pid"
}

# web_ask PATH: what the server answers; fails where it does not, or not with a success.
web_ask() {
  web_pid >/dev/null || return 1
  curl --silent --show-error --fail --noproxy '*' --max-time 5 "$(web_url "$1")"
}

web_url() {
  echo "http://127.0.0.1:$(cat "$web_root/run/port")/$1"
}

# web_version LINK: the version of the release behind `current` or `before`; `none` without one.
web_version() {
  cat "$web_root/$1/VERSION" 2>/dev/null || echo none
}

# web_link NAME RELEASE: points a link elsewhere in one move.
web_link() {
  ln -sfn "$2" "$web_root/$1.new"
  mv -T "$web_root/$1.new" "$web_root/$1"
}

web_stop() {
  local pid
  if pid=$(web_pid); then
    kill "$pid" 2>/dev/null || true
    for _ in {1..50}; do
      web_pid >/dev/null || break
      sleep 0.1
    done
    kill -9 "$pid" 2>/dev/null || true
  fi
  rm -f "$web_root/run/pid" "$web_root/run/port"
}

# web_start: runs the current release on a free port and waits until it has one.
web_start() {
  local server
  if command -v python3 >/dev/null; then
    server=(python3 "$web_root/current/serve.py")
  else
    server=(perl "$web_root/current/serve.pl")
  fi
  mkdir -p "$web_root/run"
  # In a session of its own and without the script's output: a service outlives its deploy.
  setsid nohup "${server[@]}" "$web_root" </dev/null >"$web_root/run/log" 2>&1 &
  for _ in {1..100}; do
    [[ ! -s $web_root/run/port ]] || return 0
    sleep 0.1
  done
  cat "$web_root/run/log"
  fleet_fail "the server opened no port within 10 seconds"
}

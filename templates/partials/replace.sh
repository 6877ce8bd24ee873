# replace FROM TO: puts a copy in the place of a file in one move, so that nobody, not even a step
# that is cut off, ever sees half of it.
replace() {
  cp "$1" "$2.new"
  mv "$2.new" "$2"
}

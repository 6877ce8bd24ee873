# What .ci/run runs, one step at a time. `just` alone lists the recipes.

_:
    @just --list

# Everything that must hold before a change lands.
ci:
    .ci/run

# All tests.
test *args:
    cargo test --locked {{args}}

# Format and lints.
lint:
    cargo fmt --check
    cargo clippy --all-targets --locked -- -D warnings

# The library's documentation.
doc:
    RUSTDOCFLAGS='-D warnings' cargo doc --no-deps --locked

# Looks at snapshots that changed, and keeps them.
snapshots:
    INSTA_UPDATE=always cargo test --locked
    git diff -- '*.snap'

# The story of the README.
demo:
    cargo run --release -- demo

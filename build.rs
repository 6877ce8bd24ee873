//! The example fleet is embedded by a macro that the compiler cannot see through: this makes a
//! changed file rebuild the crate.

fn main() {
    for path in ["fleet.yaml", "environments", "templates"] {
        println!("cargo:rerun-if-changed={path}");
    }
}

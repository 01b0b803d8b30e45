//! The recipe that shows everything, as it is.

use std::fs;

use super::bench::Bench;
use super::read_by_settings;
use crate::fixtures::{Fixture, Machine, Release};

#[test]
fn the_example_of_everything_can_be_baked_as_it_is() {
    let recipe = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../recipes/example-everything.yaml"
    );
    let recipe = fs::read_to_string(recipe).unwrap();
    for release in [Release::Trixie, Release::Bookworm, Release::Debian] {
        let bench = Bench::of(read_by_settings::with(Fixture::new(
            release,
            Machine::Arm64,
        )));
        fs::create_dir(bench.sandbox.path("secrets")).unwrap();
        bench
            .sandbox
            .secret("secrets/wifi-home", "three blind mice");
        let hash = "$6$salt$0123456789012345678901234567890123456789";
        bench.sandbox.secret("secrets/login", hash);
        bench.bake_recipe(&recipe).success();
        bench.clean();
        let keyboard = bench.cat("/etc/default/keyboard");
        assert!(keyboard.contains("XKBVARIANT=\"extd\""), "{keyboard}");
    }
}

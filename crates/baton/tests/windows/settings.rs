//! What does not fit in `service` of a target.

use crate::world::World;

#[test]
fn what_does_not_fit_is_told_before_anything_is_made() {
    let cases = [
        ("service = 'a'\nactivate = ['restart']", "a command and a service"),
        ("service = ' '", "for a service, which none can be named"),
        ("service = 'C:\\x'", "for a service, which none can be named"),
        ("service = { kil = true }", "this is no service"),
        ("service = 7", "this is no service"),
    ];
    for (setting, said) in cases {
        let world = World::with_settings(&format!(
            "[[target]]\nname = 'sap'\nproduct = 'yunio'\ndirectory = 'yunIO'\n{setting}\n"
        ));
        let ran = world.baton(&["check"]).expect(2);
        assert!(ran.stderr.contains(said), "{setting}: {}", ran.stderr);
        assert_eq!(world.listing(), ["baton.toml"]);
    }
}

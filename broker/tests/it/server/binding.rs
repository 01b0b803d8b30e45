//! Listeners on one network interface.

use crate::harness::{Broker, Raw, config_file, connect, run_to_end};
use crate::support::free_port;

#[test]
fn a_listener_on_one_interface_is_reached_through_it() {
    let port = free_port();
    let broker = Broker::start(&format!(
        "allow_anonymous true\nbind_interface lo\nlistener {port} 127.0.0.1\nbind_interface lo"
    ));
    Raw::login(&broker, connect("x", true));
}

#[test]
fn an_interface_that_is_not_there_ends_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let text = "listener {port}\nbind_interface nowhere0\nallow_anonymous true\n";
    let path = config_file(folder.path(), "broker.conf", text, free_port());
    let ended = run_to_end(&["-c", path.to_str().unwrap()]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("No such device"), "{}", ended.stderr);
}

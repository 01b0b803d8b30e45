//! What installs packages on the Pi, before an apt that has what a test says and is reached when a test says.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::readers::rendered;
use crate::support::{Sandbox, tool};

/// Notes each call, and fails as apt does: where nobody is reached, and for a name that is in none of its lists.
const APT: &str = r#"#!/bin/sh
cd "$BENCH"
verb='' names='' simulate=''
while [ $# -gt 0 ]; do
    case $1 in
    -o) shift ;;
    --simulate) simulate=yes ;;
    -*) ;;
    *) if [ -z "$verb" ]; then verb=$1; else names="$names $1"; fi ;;
    esac
    shift
done
if [ "$verb" = update ]; then echo >>updates; fi
online=yes
[ "$(wc -l <updates)" -gt "$(cat offline)" ] || online=''
[ -n "$simulate" ] || echo "apt $verb$names" >>calls
[ "$verb" = install ] || { [ -n "$online" ] || exit 100; exit 0; }
for name in $names; do
    grep -q -x "$name" known || { echo "E: Unable to locate package $name" >&2; exit 100; }
done
[ -n "$online$simulate" ] || exit 100
"#;

/// Runs the card's program where `needed` and `further` are lacking, and nobody is reached `offline` times.
fn install(needed: &str, further: &str, offline: u32) -> (Sandbox, String) {
    let sandbox = rendered("system: {locale: de_DE.UTF-8}\n");
    sandbox.write("card/etc/provision/packages", needed);
    sandbox.write("card/etc/provision/further-packages", further);
    sandbox.write("known", "nftables\nlocales\nvim\ntcpdump\n");
    sandbox.write("offline", &offline.to_string());
    sandbox.write("calls", "");
    fs::create_dir(sandbox.path("bin")).unwrap();
    for (name, text) in [
        ("apt-get", APT),
        ("dpkg", "#!/bin/sh\n"),
        ("sleep", "#!/bin/sh\necho \"sleep $1\" >>\"$BENCH/calls\"\n"),
        (
            "systemctl",
            "#!/bin/sh\n[ \"$1\" != start ] || echo \"start $2\" >>\"$BENCH/calls\"\n",
        ),
    ] {
        sandbox.write(&format!("bin/{name}"), text);
        let path = sandbox.path(&format!("bin/{name}"));
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let script = "export BENCH=\"$PWD\"
        unshare --map-root-user --mount sh -euc '
            for name in apt-get dpkg sleep systemctl; do mount --bind bin/$name /usr/bin/$name; done
            mount -t tmpfs none /var/lib
            mount --bind card/etc /etc; mount --bind card/usr/local /usr/local
            code=0; /usr/local/lib/provision/install-packages 2>said || code=$?
            echo \"exit: $code, $(ls /var/lib/provision 2>/dev/null)\"'
        cat calls";
    let shown = tool(&sandbox, script).success().stdout;
    (sandbox, shown)
}

#[test]
fn a_misspelt_package_keeps_neither_the_firewall_nor_the_others_away_and_is_not_waited_for() {
    let (sandbox, shown) = install("locales\nnftables\n", "tcpdumpp\nvim\n", 0);
    insta::assert_snapshot!(shown, @r"
    exit: 1, 
    apt update
    apt install locales nftables
    start provision-firewall.service
    apt install tcpdumpp
    apt install vim
    ");
    insta::assert_snapshot!(sandbox.read("said"), @r"
    E: Unable to locate package tcpdumpp
    tcpdumpp can't be installed: apt doesn't have it, or not what it needs
    not installed: tcpdumpp
    ");
}

#[test]
fn what_settings_need_comes_even_where_one_of_it_does_not_exist() {
    let (_, shown) = install("locales\nnftables\nrfkil\n", "", 0);
    insta::assert_snapshot!(shown, @r"
    exit: 1, 
    apt update
    apt install locales nftables rfkil
    apt install locales
    apt install nftables
    apt install rfkil
    start provision-firewall.service
    ");
}

#[test]
fn without_a_network_it_is_tried_again_at_growing_distances() {
    let (_, shown) = install("nftables\n", "vim\n", 2);
    insta::assert_snapshot!(shown, @r"
    exit: 0, packages-installed
    apt update
    apt install nftables
    apt install nftables
    start provision-firewall.service
    apt install vim
    sleep 120
    apt update
    apt install nftables
    apt install nftables
    start provision-firewall.service
    apt install vim
    sleep 240
    apt update
    apt install nftables
    start provision-firewall.service
    apt install vim
    ");
}

#[test]
fn where_there_is_never_a_network_it_is_given_up_in_the_end() {
    let (_, shown) = install("nftables\n", "", 9999);
    let waits: Vec<u32> = shown
        .lines()
        .filter_map(|line| line.strip_prefix("sleep ")?.parse().ok())
        .collect();
    assert_eq!(waits[..6], [120, 240, 480, 960, 1920, 3600]);
    assert_eq!(waits.len(), 99);
    assert_eq!(waits.iter().max(), Some(&3600));
    assert!(shown.starts_with("exit: 1, \n"), "{shown}");
}

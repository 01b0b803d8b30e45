//! The editors of `cmdline.txt` and `config.txt`: what changes, and above all what doesn't.

use image::bootconfig::{BootConfigError, BootEdits, Cmdline, ConfigEdit, ConfigTxt, WordEdit};
use proptest::prelude::*;

const CMDLINE: &str = "console=serial0,115200 console=tty1 root=PARTUUID=4f2c9ea0-02 rootfstype=ext4 fsck.repair=yes rootwait resize\n";

fn edited(text: &str, edit: impl FnOnce(&mut Cmdline)) -> String {
    let mut cmdline = Cmdline::parse(text).unwrap();
    edit(&mut cmdline);
    cmdline.render()
}

#[test]
fn a_word_is_set_in_place_added_behind_and_taken_away() {
    let text = edited(CMDLINE, |line| {
        line.set("rootfstype=f2fs").unwrap();
        line.set("cfg80211.ieee80211_regdom=GB").unwrap();
        line.add("console=ttyAMA0").unwrap();
        line.set("quiet").unwrap();
        assert!(line.remove("fsck.repair"));
        assert!(!line.remove("splash"));
        assert_eq!(line.value("console"), Some("ttyAMA0"));
    });
    insta::assert_snapshot!(text.trim_end(), @"console=serial0,115200 console=tty1 root=PARTUUID=4f2c9ea0-02 rootfstype=f2fs rootwait resize cfg80211.ieee80211_regdom=GB console=ttyAMA0 quiet");
}

#[test]
fn nothing_is_written_behind_the_words_that_firstrun_takes_off() {
    let text = "root=/dev/a rootwait systemd.run=/boot/firstrun.sh systemd.run_success_action=reboot systemd.unit=kernel-command-line.target\n";
    let text = edited(text, |line| {
        line.set("cfg80211.ieee80211_regdom=GB").unwrap();
    });
    // What firstrun.sh does at its end.
    let after = crate::support::feed(
        std::process::Command::new("sed").arg("s| systemd.run.*||g"),
        text.as_bytes(),
    );
    assert_eq!(after, "root=/dev/a rootwait cfg80211.ieee80211_regdom=GB\n");
}

#[test]
fn the_words_that_the_first_boot_looks_for_stay_where_its_sed_finds_them() {
    let text = "console=tty1 rootwait quiet init=/usr/lib/raspberrypi-sys-mods/firstboot\n";
    let text = edited(text, |line| line.set("a=b").unwrap());
    let after = crate::support::feed(
        std::process::Command::new("sed").arg("s| init=/usr/lib/raspberrypi-sys-mods/firstboot||"),
        text.as_bytes(),
    );
    assert_eq!(after, "console=tty1 rootwait quiet a=b\n");
}

#[test]
fn what_is_no_word_is_refused() {
    let mut line = Cmdline::parse(CMDLINE).unwrap();
    let mut said = Vec::new();
    for word in ["", "a b", "a\nb", "=b", "a=\"b", "ä=1"] {
        said.push(line.set(word).unwrap_err().to_string());
    }
    assert_eq!(line.render(), CMDLINE);
    said.push(Cmdline::parse("a=\"b c\n").unwrap_err().to_string());
    insta::assert_snapshot!(said.join("\n"), @r#"
    "" can't be a word on the kernel's command line: it is empty
    "a b" can't be a word on the kernel's command line: a space must be within double quotes, and each quotation mark have its partner
    "a\nb" can't be a word on the kernel's command line: it has a control character, and the kernel is given one line
    "=b" can't be a word on the kernel's command line: it has no name
    "a=\"b" can't be a word on the kernel's command line: a space must be within double quotes, and each quotation mark have its partner
    "ä=1" can't be a word on the kernel's command line: the firmware passes on ASCII only
    cmdline.txt has a quotation mark without its partner
    "#);
}

/// Of the form of the official one: comments, commented settings, sections.
const CONFIG: &str = "# Some settings may change how the board starts.

#dtparam=i2c_arm=on
#dtparam=spi=on

dtparam=audio=on

camera_auto_detect=1
dtoverlay=vc4-kms-v3d
max_framebuffers=2

[cm4]
otg_mode=1

[cm5]
dtoverlay=dwc2,dr_mode=host

[all]
";

fn set(text: &str, settings: &[(&str, &str, &str)]) -> Result<String, BootConfigError> {
    let mut config = ConfigTxt::parse(text);
    for (section, key, value) in settings {
        config.set(section, key, value)?;
    }
    Ok(config.render())
}

#[test]
fn settings_are_replaced_where_they_are_or_come_behind_their_comment() {
    let text = set(
        CONFIG,
        &[
            ("all", "dtparam", "audio=off"),
            ("all", "dtparam", "i2c_arm=on"),
            ("all", "dtparam", "watchdog=on"),
            ("all", "dtoverlay", "disable-bt"),
            ("all", "dtoverlay", "vc4-kms-v3d,noaudio"),
            ("all", "gpu_mem", "16"),
            ("cm4", "otg_mode", "0"),
            ("pi4", "arm_boost", "1"),
        ],
    )
    .unwrap();
    insta::assert_snapshot!(text, @r"
    # Some settings may change how the board starts.

    #dtparam=i2c_arm=on
    dtparam=i2c_arm=on
    #dtparam=spi=on

    dtparam=audio=off

    camera_auto_detect=1
    dtparam=watchdog=on
    dtoverlay=vc4-kms-v3d
    max_framebuffers=2

    [cm4]
    otg_mode=0

    [cm5]
    dtoverlay=dwc2,dr_mode=host

    [all]
    dtoverlay=disable-bt
    dtoverlay=vc4-kms-v3d,noaudio
    gpu_mem=16

    [pi4]
    arm_boost=1

    [all]
    ");
}

#[test]
fn what_can_be_there_several_times_replaces_neither_the_bases_lines_nor_one_another() {
    let base = "gpio=4=op,dl\ndtoverlay=w1-gpio\n\n[all]\n";
    let settings = [
        ("all", "gpio", "17=op,dh"),
        ("all", "gpio", "22=ip,pu"),
        ("all", "dtoverlay", "w1-gpio,gpiopin=5"),
        ("all", "dtoverlay", "w1-gpio,gpiopin=6"),
        ("all", "dtoverlay", "w1-gpio"),
        ("all", "include", "extra.txt"),
        ("all", "include", "more.txt"),
        ("pi4", "gpio", "17=op,dh"),
        // A key that may be a list as well: nobody knows all of them.
        ("all", "gpu_mem", "16"),
        ("all", "gpu_mem", "32"),
    ];
    let text = set(base, &settings).unwrap();
    insta::assert_snapshot!(text, @r"
    gpio=4=op,dl
    dtoverlay=w1-gpio

    [all]
    gpio=17=op,dh
    gpio=22=ip,pu
    dtoverlay=w1-gpio,gpiopin=5
    dtoverlay=w1-gpio,gpiopin=6
    include extra.txt
    include more.txt

    [pi4]
    gpio=17=op,dh

    [all]
    gpu_mem=16
    gpu_mem=32
    ");
    assert_eq!(set(&text, &settings[..8]).unwrap(), text);
}

#[test]
fn parameters_in_one_line_are_replaced_together_or_overruled_behind_it() {
    let base = "dtparam=i2c_arm=on,spi=on\ndtparam=audio=on\n";
    let text = set(
        base,
        &[
            ("all", "dtparam", "i2c_arm=off"),
            ("all", "dtparam", "audio=off,act_led_gpio=5"),
        ],
    )
    .unwrap();
    insta::assert_snapshot!(text, @r"
    dtparam=i2c_arm=on,spi=on
    dtparam=audio=off,act_led_gpio=5
    dtparam=i2c_arm=off
    ");
}

#[test]
fn a_parameter_that_is_set_behind_an_overlay_stays_behind_it() {
    let base = "dtparam=audio=on\n\n[all]\n\n[pi4]\ndtparam=audio=off\n";
    let settings = [
        ("all", "dtoverlay", "gpio-fan"),
        ("all", "dtparam", "gpiopin=14"),
        ("all", "dtparam", "temp=60000"),
        ("all", "dtoverlay", ""),
        ("all", "dtparam", "audio=off"),
    ];
    let text = set(base, &settings).unwrap();
    insta::assert_snapshot!(text, @r"
    dtparam=audio=off

    [all]
    dtoverlay=gpio-fan
    dtparam=gpiopin=14
    dtparam=temp=60000
    dtoverlay=

    [pi4]
    dtparam=audio=off
    ");
    assert_eq!(set(&text, &settings).unwrap(), text);
}

#[test]
fn a_parameter_of_the_board_never_becomes_one_of_an_overlay() {
    // In each the only place in the section is behind an overlay, whose parameter it would be.
    for text in [
        "dtoverlay=gpio-fan\ndtparam=gpiopin=14\n",
        "[pi4]\ndtoverlay=gpio-fan\n[all]\n",
    ] {
        for section in ["all", "pi4"] {
            let text = set(text, &[(section, "dtparam", "audio=on")]).unwrap();
            let mut overlay = "";
            for line in text.lines() {
                if let Some(name) = line.strip_prefix("dtoverlay=") {
                    overlay = name;
                }
                if line == "dtparam=audio=on" {
                    assert_eq!(overlay, "", "{text}");
                }
                assert!(
                    line != "dtparam=gpiopin=14" || overlay == "gpio-fan",
                    "{text}"
                );
            }
            assert!(text.contains("dtparam=audio=on\n"), "{text}");
        }
    }
}

#[test]
fn what_a_windows_editor_wrote_keeps_its_line_ends() {
    let text = set("arm_64bit=1\r\n[pi4]\r\n", &[("all", "arm_64bit", "0")]).unwrap();
    assert_eq!(text, "arm_64bit=0\r\n[pi4]\r\n");
}

#[test]
fn what_is_no_setting_is_refused() {
    let long = "x".repeat(99);
    let cases = [
        ("", "a", "b"),
        ("a]b", "a", "b"),
        ("all", "a b", "c"),
        ("all", "#a", "b"),
        ("all", "a", "b\nc"),
        ("all", "a", &long),
    ];
    let said: Vec<_> = cases
        .map(|case| {
            set(CONFIG, &[case])
                .unwrap_err()
                .to_string()
                .replace(&long, "xxx")
        })
        .into();
    insta::assert_snapshot!(said.join("\n"), @r##"
    "" can't be a section in config.txt: it is empty
    "a]b" can't be a section in config.txt: it has a character with another meaning there
    "a b" can't be a setting in config.txt: it has a character with another meaning there
    "#a" can't be a setting in config.txt: it has a character with another meaning there
    "b\nc" can't be a value in config.txt: only visible ASCII characters and spaces are allowed
    "xxx" can't be a value in config.txt: the firmware reads 98 characters of a line
    "##);
}

fn edits() -> BootEdits {
    BootEdits {
        words: vec![WordEdit::Set("cfg80211.ieee80211_regdom=GB".to_owned())],
        settings: vec![ConfigEdit {
            section: "all".to_owned(),
            key: "gpu_mem".to_owned(),
            value: "16".to_owned(),
        }],
    }
}

#[test]
fn on_debian_what_writes_the_files_anew_is_told_too_and_twice_is_once() {
    let mut files = std::collections::BTreeMap::from([
        ("/boot/firmware/cmdline.txt", CMDLINE.to_owned()),
        ("/boot/firmware/config.txt", CONFIG.to_owned()),
        (
            "/etc/default/raspi-extra-cmdline",
            "rootfstype=ext4\n".to_owned(),
        ),
    ]);
    let read = |files: &std::collections::BTreeMap<&str, String>, path| {
        Ok::<_, BootConfigError>(files.get(path).cloned().unwrap_or_default())
    };
    let changed = edits().files(true, |path| read(&files, path)).unwrap();
    assert_eq!(changed.len(), 4);
    files.extend(changed.into_iter().map(|file| (file.path, file.text)));
    assert_eq!(
        files["/etc/default/raspi-extra-cmdline"],
        "rootfstype=ext4 cfg80211.ieee80211_regdom=GB\n"
    );
    assert_eq!(files["/etc/default/raspi-firmware-custom"], "gpu_mem=16\n");
    assert_eq!(edits().files(true, |path| read(&files, path)).unwrap(), []);
    let official = edits().files(false, |path| read(&files, path)).unwrap();
    assert_eq!(official, []);
}

proptest! {
    #[test]
    fn a_command_line_that_is_not_edited_comes_out_as_it_was(text in "[ \ta-c=\"\n]{0,40}") {
        if let Ok(line) = Cmdline::parse(&text) {
            prop_assert_eq!(line.render(), text);
        }
    }

    #[test]
    fn setting_a_word_twice_is_setting_it_once_and_leaves_the_others(
        words in proptest::collection::vec("(systemd[.]run|[a-d])(=[a-c]{0,2})?", 0..8),
        word in "[a-e](=[a-c]{1,2})?",
    ) {
        let text = words.join(" ") + "\n";
        let once = edited(&text, |line| line.set(&word).unwrap());
        prop_assert_eq!(&once, &edited(&once, |line| line.set(&word).unwrap()));
        let key = |word: &str| word.split('=').next().unwrap_or_default().to_owned();
        let others = |text: &str| -> Vec<String> {
            text.split_whitespace().filter(|other| key(other) != key(&word)).map(str::to_owned).collect()
        };
        prop_assert_eq!(others(&once), others(&text));
        let same: Vec<_> = once.split_whitespace().filter(|other| key(other) == key(&word)).collect();
        prop_assert_eq!(same, [word.as_str()]);
        prop_assert!(once.ends_with('\n') && !once.starts_with(' ') && once.lines().count() == 1);
        let gone = edited(&once, |line| { line.remove(&key(&word)); });
        prop_assert_eq!(others(&gone), others(&text));
    }

    #[test]
    fn settings_keep_every_other_line_in_its_order(
        lines in proptest::collection::vec(
            "(#?(dtparam|dtoverlay|gpu_mem|x)=[a-c](=[01])?)|\\[(all|pi4|cm4)\\]|# c|",
            0..12,
        ),
        section in "all|pi4",
        setting in prop_oneof![Just(("gpu_mem", "7")), Just(("dtparam", "a=7")), Just(("dtoverlay", "b,z=7"))],
    ) {
        let text = lines.iter().flat_map(|line| [line, "\n"]).collect::<String>();
        let (key, value) = setting;
        let once = set(&text, &[(&section, key, value)]).unwrap();
        prop_assert_eq!(&once, &set(&once, &[(&section, key, value)]).unwrap());
        let wanted = format!("{key}={value}");
        prop_assert!(once.lines().any(|line| line == wanted));
        // Everything that was there is there in its order, but for one line that was replaced.
        let mut kept = once.lines().peekable();
        let mut missing = 0;
        for line in &lines {
            let mut ahead = kept.clone();
            if ahead.any(|other| other == line) {
                kept = ahead;
            } else {
                missing += 1;
            }
        }
        prop_assert!(missing <= 1, "{} of\n{}\nin\n{}", missing, text, once);
    }
}

//! The forms of settings for a first boot, read for the names of what they set and for nothing else.

/// The forms that such files have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `key: value`, with keys below keys by indentation.
    Yaml,
    /// `[section]` and `key = value`.
    Toml,
    /// `key=value`, some of it in braces.
    Supplicant,
    /// A script of rpi-imager's.
    Script,
    /// `name:hash`.
    UserConf,
    /// Its being there is what it says.
    Mark,
}

/// The names of what `text` sets, each once.
pub(super) fn settings(form: Form, text: &str) -> Vec<String> {
    let mut names = match form {
        Form::Yaml => yaml(text),
        Form::Toml => toml(text),
        Form::Supplicant => assignments(text).map(|(key, _)| key.to_owned()).collect(),
        Form::Script => script(text),
        Form::UserConf if text.trim().is_empty() => Vec::new(),
        Form::UserConf => vec!["user".to_owned(), "password".to_owned()],
        Form::Mark => vec!["ssh".to_owned()],
    };
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

/// Whether a setting of this name is one that its owner would not tell.
pub(super) fn is_secret(form: Form, name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    match form {
        // What a script is called with can't be told apart; these get a password or its hash.
        Form::Script => matches!(last, "userconf" | "set_wlan" | "chpasswd" | "psk"),
        Form::UserConf => last == "password",
        _ => matches!(
            last,
            "passwd"
                | "password"
                | "plain_text_passwd"
                | "hashed_passwd"
                | "chpasswd"
                | "psk"
                | "wep_key0"
                | "sae_password"
                | "private_key"
                | "client_key"
        ),
    }
}

/// The dotted names of all keys that have a value of their own. No YAML reader: what is on the card is of
/// many dialects, and names are all that is wanted.
fn yaml(text: &str) -> Vec<String> {
    let mut above: Vec<(usize, &str)> = Vec::new();
    let mut names = Vec::new();
    for line in text.lines() {
        let content = line.trim_start_matches([' ', '-']);
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let depth = line.len() - content.len();
        let Some((key, value)) = content.split_once(':') else {
            continue;
        };
        let key = key.trim().trim_matches(['"', '\'']);
        let is_name = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        above.retain(|(other, _)| *other < depth);
        if key.is_empty() || key.len() > 64 {
            continue;
        }
        let value = value.trim();
        // An SSID may be a key, and is nobody's business.
        let key = if key.chars().all(is_name) { key } else { "…" };
        let path: Vec<_> = above.iter().map(|(_, key)| *key).chain([key]).collect();
        if value.is_empty() || value.starts_with('#') {
            above.push((depth, key));
            // `runcmd:` and the like have no keys below them.
            if depth == 0 {
                names.push(key.to_owned());
            }
        } else {
            names.push(path.join("."));
        }
    }
    // A parent is told by its children.
    let parents: Vec<_> = names
        .iter()
        .filter(|name| {
            names
                .iter()
                .any(|other| other.starts_with(&format!("{name}.")))
        })
        .cloned()
        .collect();
    names.retain(|name| !parents.contains(name));
    names
}

fn toml(text: &str) -> Vec<String> {
    let mut section = String::new();
    let mut names = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|line| line.strip_suffix(']'))
        {
            name.trim_matches(['[', ']', ' ']).clone_into(&mut section);
        } else if let Some((key, _)) = line.split_once('=').filter(|_| !line.starts_with('#')) {
            let key = key.trim();
            if section.is_empty() {
                // `config_version` and the like set nothing.
                continue;
            }
            names.push(format!("{section}.{key}"));
        }
    }
    names
}

fn assignments(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| {
        let (key, value) = line.split_once('=')?;
        (!value.trim().is_empty() && !value.trim_start().starts_with('{'))
            .then(|| (key.trim(), value))
    })
}

fn script(text: &str) -> Vec<String> {
    const KNOWN: [&str; 9] = [
        "set_hostname",
        "enable_ssh",
        "userconf",
        "set_wlan",
        "set_keymap",
        "set_timezone",
        "chpasswd",
        "psk",
        "import_ssh_id",
    ];
    let lines: Vec<_> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    if lines.is_empty() {
        return Vec::new();
    }
    let named = KNOWN.iter().filter(|word| {
        let has = |line: &&str| {
            line.split(|c: char| !(c.is_alphanumeric() || c == '_'))
                .any(|w| w == **word)
        };
        lines.iter().any(has)
    });
    let names: Vec<_> = named.map(|word| (*word).to_owned()).collect();
    if names.is_empty() {
        vec!["commands".to_owned()]
    } else {
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(form: Form, text: &str) -> (String, String) {
        let all = settings(form, text);
        let secrets: Vec<_> = all
            .iter()
            .filter(|name| is_secret(form, name))
            .cloned()
            .collect();
        (all.join(" "), secrets.join(" "))
    }

    #[test]
    fn stock_files_set_nothing() {
        for form in [Form::Yaml, Form::Toml, Form::Supplicant, Form::Script] {
            assert_eq!(
                settings(form, "#cloud-config\n# hostname: a\n\n  # b = c\n"),
                [""; 0]
            );
        }
        assert_eq!(settings(Form::UserConf, "\n"), [""; 0]);
    }

    #[test]
    fn settings_are_told_by_name_and_no_value_is() {
        let text = "#cloud-config\nhostname: broker1\nuser:\n  name: fred\n  passwd: \"$y$hash\"\n  ssh_authorized_keys:\n    - \"ssh-ed25519 AAAA\"\nruncmd:\n  - [ systemctl, enable, --now, ssh ]\n";
        let (all, secrets) = secret(Form::Yaml, text);
        assert_eq!(all, "hostname user.name user.passwd runcmd");
        assert_eq!(secrets, "user.passwd");
        let text = "network:\n  version: 2\n  wifis:\n    wlan0:\n      access-points:\n        \"My Net!\":\n          password: \"hunter22\"\n";
        let (all, secrets) = secret(Form::Yaml, text);
        assert_eq!(
            all,
            "network.version network.wifis.wlan0.access-points.….password"
        );
        assert_eq!(secrets, "network.wifis.wlan0.access-points.….password");
        let text = "config_version = 1\n[user]\nname = \"fred\"\npassword = \"$6$x\"\n[wlan]\nssid = \"net\"\n";
        let (all, secrets) = secret(Form::Toml, text);
        assert_eq!(all, "user.name user.password wlan.ssid");
        assert_eq!(secrets, "user.password");
        let text = "country=GB\nnetwork={\n  ssid=\"net\"\n  psk=\"hunter22\"\n}\n";
        let (all, secrets) = secret(Form::Supplicant, text);
        assert_eq!(
            (all.as_str(), secrets.as_str()),
            ("country ssid psk", "psk")
        );
        let text = "#!/bin/sh\nset +e\n/usr/lib/userconf-pi/userconf 'fred' '$y$x'\n/usr/lib/raspberrypi-sys-mods/imager_custom set_hostname broker1\n";
        let (all, secrets) = secret(Form::Script, text);
        assert_eq!(
            (all.as_str(), secrets.as_str()),
            ("set_hostname userconf", "userconf")
        );
    }
}

//! The manual page broker.conf(5), in the language of man(7).

use std::fmt::Write as _;

use super::{heading, introduction, remarks};
use crate::config::{OptionSpec, Scope, Support, options};

const HEAD: &str = r#".\" Made from the broker's table of options: `mqtt-broker options --format man`.
.TH BROKER.CONF 5 "" "mqtt-broker" "File Formats"
.SH NAME
broker.conf \- the configuration of mqtt-broker
.SH DESCRIPTION
The configuration of
.B mqtt-broker
is written in the language of Mosquitto's mosquitto.conf, and a file made for Mosquitto works as it is unless it asks
for something that this broker does not do. That is an error with its reason, never a silent difference. The broker
reads the file that its option
.B \-c
names; without a file it takes connections from this machine only, on port 1883.
.SH FORMAT
Each line is an option, a space, and its value. A line whose very first character is # is a comment; # anywhere else is
part of a value. Lines may end as on Windows. Files are UTF-8.
.PP
Switches are true or false, 1 or 0. An option that can have only one value is an error where it stands a second time if
its value is a name or a path; of the others the last one counts, and a warning names the line that is overridden.
.PP
All errors are told at once, each with its file and line and what was expected, and the broker ends with code 3.
.B mqtt-broker \-c FILE \-\-test-config
does the same without starting anything, looks into the files that the configuration names too, and warns of what is
legal but unwise.
.SH RELOAD
At SIGHUP the broker reads the configuration and all files that it names again, and takes on what has changed without
ending a connection that may go on. If anything is wrong, it says so in its log and goes on as before. Options that are
read at the start only say so below.
"#;

const TAIL: &str = r".SH EXAMPLE
Names and passwords over TLS for everybody, and a plain door for programs on the same machine:
.PP
.EX
allow_anonymous false
password_file /etc/mqtt-broker/passwd
acl_file /etc/mqtt-broker/acl
persistence true
persistence_location /var/lib/mqtt-broker/
listener 8883
certfile /etc/mqtt-broker/tls/server.crt
keyfile /etc/mqtt-broker/tls/server.key
listener 1883 127.0.0.1
.EE
.SH EXIT STATUS
.TP
.B 0
The broker was told to end, or the configuration is good.
.TP
.B 1
It could not start or go on.
.TP
.B 3
An option, a file or an argument is wrong.
.SH SEE ALSO
.B mqtt-broker options
lists these options on a terminal.
.PP
.BR mosquitto.conf (5),
.BR mosquitto_passwd (1)
";

/// The whole page.
pub fn page() -> String {
    let mut text = HEAD.to_owned();
    for scope in Scope::ALL {
        section(scope, &mut text);
    }
    text.push_str(TAIL);
    text
}

fn section(scope: Scope, text: &mut String) {
    let title = heading(scope).to_uppercase();
    // Writing to a String does not fail.
    let _ = writeln!(text, ".SH {title}\n{}", escaped(introduction(scope)));
    for option in options().filter(|option| option.scope == scope) {
        entry(option, text);
    }
}

fn entry(option: &OptionSpec, text: &mut String) {
    let (name, syntax) = (escaped(option.name), escaped(option.syntax));
    let _ = writeln!(
        text,
        ".TP\n\\fB{name}\\fR \\fI{syntax}\\fR\n{}",
        escaped(option.help)
    );
    if option.support == Support::Yes {
        let _ = writeln!(text, "Default: {}.", escaped(option.default));
    }
    for remark in remarks(option) {
        let _ = writeln!(text, "{}", escaped(&remark));
    }
}

/// Text that troff prints as it is, in the middle of a line.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    // A line that begins with one of these would be a command.
    if text.starts_with(['.', '\'']) {
        format!("\\&{text}")
    } else {
        text
    }
}

//! Reminders for a calendar (RFC 5545).

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use crate::site::{CertificateKind, CertificateOf};

/// `20290219T101500Z`, RFC 5545 section 3.3.5.
const TIME: &[BorrowedFormatItem<'_>] =
    format_description!("[year][month][day]T[hour][minute][second]Z");

/// One event for the end of each certificate, with an alarm a month and a week before.
pub(super) fn reminders(all: &[CertificateOf], now: OffsetDateTime) -> String {
    let mut text =
        String::from("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//provision//certificates//EN\r\n");
    for of in all {
        let what = match of.kind {
            CertificateKind::Authority => "The MQTT broker's certificate authority ends".to_owned(),
            CertificateKind::Server => {
                format!("The certificate of the MQTT broker {} ends", of.name)
            }
            CertificateKind::Client => format!("The MQTT client certificate of {} ends", of.name),
        };
        let cure = match of.kind {
            CertificateKind::Authority => {
                "Make a new site in time, and put its ca.crt on the phones".to_owned()
            }
            CertificateKind::Server => format!(
                "provision rotate-certs --host {}, then provision push",
                of.name
            ),
            CertificateKind::Client => format!("provision rotate-certs --person {}", of.name),
        };
        let mut lines = vec![
            "BEGIN:VEVENT".to_owned(),
            // The same certificate is the same event, however often the file is imported.
            format!("UID:{}@provision", of.summary.fingerprint.replace(':', "")),
            format!("DTSTAMP:{}", utc(now)),
            format!("DTSTART:{}", utc(of.summary.not_after)),
            format!("SUMMARY:{}", escaped(&what)),
            format!("DESCRIPTION:{}", escaped(&cure)),
        ];
        for before in ["-P30D", "-P7D"] {
            lines.extend(["BEGIN:VALARM", "ACTION:DISPLAY"].map(str::to_owned));
            lines.push(format!("TRIGGER:{before}"));
            lines.push(format!("DESCRIPTION:{}", escaped(&what)));
            lines.push("END:VALARM".to_owned());
        }
        lines.push("END:VEVENT".to_owned());
        for line in lines {
            fold(&line, &mut text);
        }
    }
    text += "END:VCALENDAR\r\n";
    text
}

fn utc(time: OffsetDateTime) -> String {
    let utc = time.to_offset(time::UtcOffset::UTC);
    // Fails for a format with parts that a date with time and offset lacks; this one has none.
    utc.format(TIME).unwrap_or_default()
}

/// RFC 5545 section 3.3.11.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | ';' | ',' => out.extend(['\\', c]),
            '\n' => out += "\\n",
            c => out.push(c),
        }
    }
    out
}

/// Breaks a line after at most 75 bytes (RFC 5545 section 3.1), and never within a character.
fn fold(line: &str, out: &mut String) {
    let mut length = 0;
    for c in line.chars() {
        if length + c.len_utf8() > 75 {
            *out += "\r\n ";
            length = 1;
        }
        out.push(c);
        length += c.len_utf8();
    }
    *out += "\r\n";
}

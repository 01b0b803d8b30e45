//! The section "TLS": how the listener above encrypts.

use super::spec::{OptionSpec, Scope::Tls, refused, works};
use crate::config::model::TlsVersion;
use crate::config::value::{Parsed, Wrong, boolean, expected};

const PSK: &str = "pre-shared keys are not supported: use certificates (certfile, keyfile)";
const ENGINES: &str = "TLS engines are not supported: keyfile takes a PEM file";

pub(super) const OPTIONS: &[OptionSpec] = &[
    works(
        "cafile",
        Tls,
        "PATH",
        "none",
        "The authorities that clients' certificates may come from, in one PEM file.",
        |draft, line| {
            draft.opened(true).cafile = Some(line.at(line.value.into()));
            Ok(())
        },
    )
    .rest()
    .once(),
    works(
        "capath",
        Tls,
        "FOLDER",
        "none",
        "The same in a folder of PEM files, besides those of cafile.",
        |draft, line| {
            draft.opened(true).capath = Some(line.at(line.value.into()));
            Ok(())
        },
    )
    .rest()
    .once(),
    works(
        "certfile",
        Tls,
        "PATH",
        "none: no encryption",
        "The server's certificate and those between it and the root, PEM.",
        |draft, line| {
            draft.opened(true).certfile = Some(line.at(line.value.into()));
            Ok(())
        },
    )
    .rest()
    .once(),
    works(
        "ciphers",
        Tls,
        "LIST",
        "all that are safe",
        "The suites for TLS 1.2, with colons between them.",
        |draft, line| {
            draft.opened(true).ciphers = Some(line.at(line.value.to_owned()));
            Ok(())
        },
    )
    .rest()
    .once(),
    works(
        "ciphers_tls1.3",
        Tls,
        "LIST",
        "all that are safe",
        "The suites for TLS 1.3, with colons between them.",
        |draft, line| {
            draft.opened(true).ciphers_tls13 = Some(line.at(line.value.to_owned()));
            Ok(())
        },
    )
    .rest()
    .once(),
    works(
        "crlfile",
        Tls,
        "PATH",
        "none",
        "The lists of clients' certificates that are revoked, PEM.",
        |draft, line| {
            draft.opened(true).crlfile = Some(line.at(line.value.into()));
            Ok(())
        },
    )
    .rest()
    .once(),
    refused(
        "dhparamfile",
        Tls,
        "PATH",
        "Parameters for the Diffie-Hellman exchange.",
        "elliptic curves are used, which need no parameters: remove the line",
    ),
    refused(
        "disable_client_cert_date_checks",
        Tls,
        "true|false",
        "Whether expired certificates of clients are taken.",
        "the dates of clients' certificates are always checked",
    ),
    works(
        "keyfile",
        Tls,
        "PATH",
        "none",
        "The key of certfile, PEM, without a passphrase.",
        |draft, line| {
            draft.opened(true).keyfile = Some(line.at(line.value.into()));
            Ok(())
        },
    )
    .rest()
    .once(),
    refused("psk_hint", Tls, "HINT", "Turns pre-shared keys on.", PSK),
    works(
        "require_certificate",
        Tls,
        "true|false",
        "false",
        "Whether a client needs a certificate to get in.",
        |draft, line| {
            let on = boolean(line.value)?;
            draft.opened(on).require_certificate = Some(line.at(on));
            Ok(())
        },
    ),
    refused(
        "tls_engine",
        Tls,
        "ENGINE",
        "A module of OpenSSL that does the cryptography.",
        ENGINES,
    ),
    refused(
        "tls_engine_kpass_sha1",
        Tls,
        "SHA1",
        "The hash of that module's passphrase.",
        ENGINES,
    ),
    refused(
        "tls_keyform",
        Tls,
        "pem|engine",
        "Whether the key is a file or in that module.",
        ENGINES,
    ),
    works(
        "tls_version",
        Tls,
        "tlsv1.2|tlsv1.3",
        "tlsv1.2",
        "The lowest version that is accepted.",
        |draft, line| {
            draft.listener().tls_version = Some(line.at(version(line.value)?));
            Ok(())
        },
    ),
    works(
        "use_identity_as_username",
        Tls,
        "true|false",
        "false",
        "Whether the common name in a client's certificate is its user name; password_file has no say then.",
        |draft, line| {
            let on = boolean(line.value)?;
            draft.opened(on).use_identity = Some(line.at(on));
            Ok(())
        },
    ),
    works(
        "use_subject_as_username",
        Tls,
        "true|false",
        "false",
        "The same with the whole subject, as in CN=fred,O=home.",
        |draft, line| {
            let on = boolean(line.value)?;
            draft.opened(on).use_subject = Some(line.at(on));
            Ok(())
        },
    ),
];

fn version(text: &str) -> Parsed<TlsVersion> {
    match text {
        "tlsv1.2" => Ok(TlsVersion::V1_2),
        "tlsv1.3" => Ok(TlsVersion::V1_3),
        "tlsv1" | "tlsv1.1" => Err(Wrong::Unsupported(format!(
            "tls_version {text} is not supported, it is not safe (RFC 8996): expected tlsv1.2 or tlsv1.3"
        ))),
        _ => expected("tlsv1.2 or tlsv1.3"),
    }
}

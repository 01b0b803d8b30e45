//! Cipher suites by name: rustls' names, the registry's, OpenSSL's, and the words of OpenSSL's lists.
//!
//! `ciphers` is about TLS 1.2 alone and `ciphers_tls1.3` about TLS 1.3 alone, as in OpenSSL. All suites there are
//! here encrypt with authentication and have forward secrecy, so lists choose among good ones: what they exclude
//! is mostly not there to begin with, and excluding it is fine. What can't be is a word that is not understood: a
//! misspelled exclusion would exclude nothing.

use rustls::crypto::ring::ALL_CIPHER_SUITES;
use rustls::{SupportedCipherSuite, SupportedProtocolVersion};
use thiserror::Error;

/// A list of suites that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CipherError {
    /// A word that means nothing.
    #[error("{word} is not known; there are {}{}", names(.version), words(.version))]
    Unknown {
        /// The word.
        word: String,
        /// The list's version.
        version: &'static SupportedProtocolVersion,
    },
    /// A suite of the other version.
    #[error("{word} is for another version of TLS: it belongs to {option}")]
    Elsewhere {
        /// The suite.
        word: String,
        /// Where it belongs.
        option: &'static str,
    },
    /// Nothing is left.
    #[error("no suite is left; there are {}", names(.version))]
    Empty {
        /// The list's version.
        version: &'static SupportedProtocolVersion,
    },
}

/// Suites in the order of a list, and what it asks for that there is not.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) suites: Vec<SupportedCipherSuite>,
    pub(super) missing: Vec<String>,
}

/// Words of OpenSSL's lists for what is not here: weak, without forward secrecy, or for keys that are not
/// certificates. They select nothing.
const ABSENT: &[&str] = &[
    "3DES",
    "ADH",
    "AECDH",
    "AESCCM",
    "AESCCM8",
    "ANULL",
    "ADSS",
    "APSK",
    "ARIA",
    "ARIA128",
    "ARIA256",
    "ARIAGCM",
    "ASRP",
    "CAMELLIA",
    "CAMELLIA128",
    "CAMELLIA256",
    "CBC",
    "COMPLEMENTOFALL",
    "COMPLEMENTOFDEFAULT",
    "DES",
    "DH",
    "DHE",
    "DSS",
    "ECDH",
    "EDH",
    "ENULL",
    "EXP",
    "EXPORT",
    "EXPORT40",
    "EXPORT56",
    "GOST89MAC",
    "GOST94",
    "IDEA",
    "KDH",
    "KDHD",
    "KDHE",
    "KDHEPSK",
    "KDHR",
    "KECDH",
    "KECDHEPSK",
    "KECDHR",
    "KEDH",
    "KGOST",
    "KPSK",
    "KRSA",
    "KRSAPSK",
    "KSRP",
    "LOW",
    "MD5",
    "MEDIUM",
    "NULL",
    "PSK",
    "RC2",
    "RC4",
    "RSA",
    "SEED",
    "SHA",
    "SHA1",
    "SHA256",
    "SHA384",
    "SRP",
    "SSLV2",
    "SSLV3",
    "TLSV1",
    "TLSV1.0",
    "AGOST",
    "AGOST01",
];

/// The pieces that names of suites are made of in OpenSSL: a name made of nothing else is one of a suite.
const PIECES: &[&str] = &[
    "ECDHE",
    "ECDH",
    "DHE",
    "DH",
    "EDH",
    "ADH",
    "AECDH",
    "RSA",
    "ECDSA",
    "DSS",
    "PSK",
    "SRP",
    "AES",
    "AES128",
    "AES256",
    "128",
    "256",
    "GCM",
    "CCM",
    "CCM8",
    "8",
    "CBC",
    "CBC3",
    "SHA",
    "SHA256",
    "SHA384",
    "MD5",
    "CHACHA20",
    "POLY1305",
    "CAMELLIA",
    "CAMELLIA128",
    "CAMELLIA256",
    "ARIA128",
    "ARIA256",
    "ARIA",
    "DES",
    "3DES",
    "EDE",
    "RC4",
    "NULL",
    "SEED",
    "IDEA",
    "EXP",
    "TLS",
    "WITH",
    "ANON",
];

/// Reads a list for TLS 1.2.
pub(super) fn tls12(list: &str) -> Result<Chosen, CipherError> {
    let mut chosen = Vec::new();
    let mut killed: Vec<SupportedCipherSuite> = Vec::new();
    let mut missing = Vec::new();
    for element in elements(list) {
        let (sign, word) = match element.chars().next() {
            Some(sign @ ('!' | '-' | '+')) => (Some(sign), &element[1..]),
            _ => (None, element),
        };
        if let Some(command) = word.strip_prefix('@') {
            order(command, &mut chosen).ok_or_else(|| unknown(element, &rustls::version::TLS12))?;
            continue;
        }
        let selected = select(word).ok_or_else(|| misplaced(element, &rustls::version::TLS12))?;
        match sign {
            None if selected.is_empty() => missing.push(word.to_owned()),
            None => {
                for suite in selected {
                    if !chosen.contains(&suite) && !killed.contains(&suite) {
                        chosen.push(suite);
                    }
                }
            }
            Some('+') => chosen.sort_by_key(|suite| selected.contains(suite)),
            Some(sign) => {
                chosen.retain(|suite| !selected.contains(suite));
                if sign == '!' {
                    killed.extend(selected);
                }
            }
        }
    }
    finish(chosen, missing, &rustls::version::TLS12)
}

/// Reads a list for TLS 1.3, which has names alone.
pub(super) fn tls13(list: &str) -> Result<Chosen, CipherError> {
    let version = &rustls::version::TLS13;
    let mut chosen = Vec::new();
    let mut missing = Vec::new();
    for word in elements(list) {
        match named(word, version) {
            Some(suite) if chosen.contains(&suite) => {}
            Some(suite) => chosen.push(suite),
            None if word.starts_with("TLS_AES_128_CCM_") => missing.push(word.to_owned()),
            None => return Err(misplaced(word, version)),
        }
    }
    finish(chosen, missing, version)
}

/// All suites of a version, best first.
pub(super) fn all(
    version: &'static SupportedProtocolVersion,
) -> impl Iterator<Item = SupportedCipherSuite> {
    ALL_CIPHER_SUITES
        .iter()
        .copied()
        .filter(move |suite| suite.version() == version)
}

fn elements(list: &str) -> impl Iterator<Item = &str> {
    list.split([':', ',', ';', ' '])
        .filter(|element| !element.is_empty())
}

fn finish(
    suites: Vec<SupportedCipherSuite>,
    missing: Vec<String>,
    version: &'static SupportedProtocolVersion,
) -> Result<Chosen, CipherError> {
    if suites.is_empty() {
        return Err(CipherError::Empty { version });
    }
    Ok(Chosen { suites, missing })
}

/// `@STRENGTH` and `@SECLEVEL=…`; what is here satisfies the levels up to 2.
fn order(command: &str, chosen: &mut [SupportedCipherSuite]) -> Option<()> {
    match command {
        "STRENGTH" => chosen.sort_by_key(|suite| openssl_name(*suite).contains("AES128")),
        "SECLEVEL=0" | "SECLEVEL=1" | "SECLEVEL=2" => {}
        _ => return None,
    }
    Some(())
}

/// The suites that a word selects, or words joined by `+`; `None` if one is not understood.
fn select(words: &str) -> Option<Vec<SupportedCipherSuite>> {
    let mut selected: Vec<_> = all(&rustls::version::TLS12).collect();
    // OpenSSL's order: by cipher first, and the smaller keys first in each.
    selected.sort_by_key(|suite| {
        let name = openssl_name(*suite);
        let place = |part| !name.contains(part);
        (place("AES256"), place("CHACHA20"), place("-ECDSA-"))
    });
    for word in words.split('+') {
        let word = word.to_ascii_uppercase();
        let matches = |name: &str| -> Option<bool> {
            Some(match word.as_str() {
                "ALL" | "DEFAULT" | "HIGH" | "TLSV1.2" | "ECDHE" | "EECDH" | "KEECDH"
                | "KECDHE" => true,
                "ECDSA" | "AECDSA" => name.contains("-ECDSA-"),
                "ARSA" => name.contains("-RSA-"),
                "AES" | "AESGCM" | "FIPS" => name.contains("AES"),
                "AES128" | "AES256" | "CHACHA20" => name.contains(word.as_str()),
                _ if ABSENT.contains(&word.as_str()) => false,
                _ => return None,
            })
        };
        let one = named(&word, &rustls::version::TLS12);
        if one.is_none() && matches("").is_none() && !is_suite(&word) {
            return None;
        }
        selected.retain(|suite| match one {
            Some(one) => *suite == one,
            None => matches(&openssl_name(*suite)) == Some(true),
        });
    }
    Some(selected)
}

/// Whether this is the name of a suite before TLS 1.3, though none that is here.
fn is_suite(word: &str) -> bool {
    if named(word, &rustls::version::TLS13).is_some() {
        return false;
    }
    let pieces: Vec<_> = word.split(['-', '_']).collect();
    pieces.len() > 1 && pieces.iter().all(|piece| PIECES.contains(piece))
}

/// The suite with this name, in whichever of its spellings.
fn named(word: &str, version: &'static SupportedProtocolVersion) -> Option<SupportedCipherSuite> {
    all(version).find(|suite| {
        let own = registered_name(*suite);
        let rustls = format!("{:?}", suite.suite());
        [own.as_str(), rustls.as_str(), openssl_name(*suite).as_str()]
            .iter()
            .any(|name| name.eq_ignore_ascii_case(word))
    })
}

/// The name in the registry of TLS: rustls writes `TLS13_` where it has `TLS_`.
fn registered_name(suite: SupportedCipherSuite) -> String {
    format!("{:?}", suite.suite()).replace("TLS13_", "TLS_")
}

/// OpenSSL's name. For TLS 1.3 it is the registry's; before, ciphers are named first and the rest is left out.
fn openssl_name(suite: SupportedCipherSuite) -> String {
    let name = registered_name(suite);
    if suite.version() == &rustls::version::TLS13 {
        return name;
    }
    name.trim_start_matches("TLS_")
        .replace("_WITH_", "-")
        .replace("POLY1305_SHA256", "POLY1305")
        .replace("AES_", "AES")
        .replace('_', "-")
}

fn unknown(word: &str, version: &'static SupportedProtocolVersion) -> CipherError {
    CipherError::Unknown {
        word: word.to_owned(),
        version,
    }
}

/// A word that belongs elsewhere, or nowhere.
fn misplaced(word: &str, version: &'static SupportedProtocolVersion) -> CipherError {
    let (other, option) = if version == &rustls::version::TLS12 {
        (&rustls::version::TLS13, "ciphers_tls1.3")
    } else {
        (&rustls::version::TLS12, "ciphers")
    };
    if named(word, other).is_some() {
        return CipherError::Elsewhere {
            word: word.to_owned(),
            option,
        };
    }
    unknown(word, version)
}

fn names(version: &'static SupportedProtocolVersion) -> String {
    let names: Vec<_> = all(version).map(openssl_name).collect();
    names.join(", ")
}

fn words(version: &'static SupportedProtocolVersion) -> &'static str {
    if version == &rustls::version::TLS12 {
        "; and OpenSSL's words for several, such as HIGH, ECDSA, AESGCM or !AES128"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a list comes to, with the list of all names left out of errors.
    fn told(result: Result<Chosen, CipherError>) -> String {
        match result {
            Ok(Chosen { suites, missing }) => {
                let names: Vec<_> = suites.into_iter().map(openssl_name).collect();
                format!("{}, without {}", names.join(" "), missing.join(" "))
                    .trim_end()
                    .to_owned()
            }
            Err(error) => error
                .to_string()
                .replace(&names(&rustls::version::TLS12), "[1.2]")
                .replace(&names(&rustls::version::TLS13), "[1.3]"),
        }
    }

    #[test]
    fn what_is_not_understood_is_told_with_what_there_is() {
        let lists = [
            "ECDHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES128-GCM-SHA256:AES128-SHA:MEDIUM",
            "HIGH:!aNUL",
            "ECDHE-RSA-AES182-GCM-SHA256",
            "TLS_AES_256_GCM_SHA384",
            "HIGH:@SECLEVEL=3",
            "AES128-SHA",
            "HIGH:!ECDHE",
            "",
        ];
        insta::assert_snapshot!(lists.map(|list| told(tls12(list))).join("\n"), @r"
        ECDHE-RSA-AES128-GCM-SHA256, without DHE-RSA-AES128-GCM-SHA256 AES128-SHA MEDIUM
        !aNUL is not known; there are [1.2]; and OpenSSL's words for several, such as HIGH, ECDSA, AESGCM or !AES128
        ECDHE-RSA-AES182-GCM-SHA256 is not known; there are [1.2]; and OpenSSL's words for several, such as HIGH, ECDSA, AESGCM or !AES128
        TLS_AES_256_GCM_SHA384 is for another version of TLS: it belongs to ciphers_tls1.3
        @SECLEVEL=3 is not known; there are [1.2]; and OpenSSL's words for several, such as HIGH, ECDSA, AESGCM or !AES128
        no suite is left; there are [1.2]
        no suite is left; there are [1.2]
        no suite is left; there are [1.2]
        ");
    }

    #[test]
    fn lists_for_tls_1_3_are_names_alone() {
        let lists = [
            "TLS_CHACHA20_POLY1305_SHA256:TLS13_AES_128_GCM_SHA256",
            "TLS_AES_128_CCM_SHA256:TLS_AES_128_GCM_SHA256",
            "ECDHE-RSA-AES128-GCM-SHA256",
            "HIGH",
        ];
        insta::assert_snapshot!(lists.map(|list| told(tls13(list))).join("\n"), @r"
        TLS_CHACHA20_POLY1305_SHA256 TLS_AES_128_GCM_SHA256, without
        TLS_AES_128_GCM_SHA256, without TLS_AES_128_CCM_SHA256
        ECDHE-RSA-AES128-GCM-SHA256 is for another version of TLS: it belongs to ciphers
        HIGH is not known; there are [1.3]
        ");
    }

    #[test]
    fn all_three_spellings_name_a_suite() {
        for word in [
            "ECDHE-RSA-CHACHA20-POLY1305",
            "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
            "tls_ecdhe_rsa_with_chacha20_poly1305_sha256",
        ] {
            assert_eq!(told(tls12(word)), "ECDHE-RSA-CHACHA20-POLY1305, without");
        }
    }
}

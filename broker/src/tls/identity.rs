//! From a client's certificate to its user name.

use std::fmt::Write as _;

use rustls::pki_types::CertificateDer;
use x509_parser::asn1_rs::ToDer as _;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

use crate::config::UserNameFrom;

/// The user name that a client's certificate gives, if it has one.
///
/// Certificates come here verified. A name with a control character in it, a null character above all, is
/// none: what stands before it could pass for another's.
pub fn user_name(certificate: &CertificateDer<'_>, from: UserNameFrom) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let subject = certificate.subject();
    let name = match from {
        UserNameFrom::CommonName => common_name(subject)?,
        UserNameFrom::Subject => rfc2253(subject)?,
    };
    let usable = !name.is_empty() && !name.chars().any(char::is_control);
    usable.then_some(name)
}

/// The common name; of several the first, as OpenSSL takes it.
fn common_name(subject: &X509Name<'_>) -> Option<String> {
    let name = subject.iter_common_name().next()?;
    Some(name.as_str().ok()?.to_owned())
}

/// The subject as RFC 2253 writes it and OpenSSL's `XN_FLAG_RFC2253` does: last part first, `,` between parts,
/// `+` between the values of one part, what is not ASCII as `\C3\A9`.
fn rfc2253(subject: &X509Name<'_>) -> Option<String> {
    let parts: Vec<_> = subject.iter_rdn().collect();
    let mut text = String::new();
    for (index, part) in parts.into_iter().rev().enumerate() {
        let values: Vec<_> = part.iter().collect();
        for (place, value) in values.into_iter().rev().enumerate() {
            text.push_str(match (index, place) {
                (0, 0) => "",
                (_, 0) => ",",
                _ => "+",
            });
            text.push_str(&attribute(value)?);
        }
    }
    Some(text)
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> Option<String> {
    let oid = attribute.attr_type().to_id_string();
    match (short_name(&oid), attribute.as_str()) {
        (Some(name), Ok(value)) => Some(format!("{name}={}", escaped(value))),
        // A type without a short name is written by number, its value as the bytes that it is encoded in.
        (name, _) => {
            let der = attribute.attr_value().to_der_vec().ok()?;
            let mut text = format!("{}=#", name.unwrap_or(&oid));
            for byte in der {
                write!(text, "{byte:02X}").ok()?;
            }
            Some(text)
        }
    }
}

/// OpenSSL's short names for the types of attributes that certificates have.
fn short_name(oid: &str) -> Option<&'static str> {
    Some(match oid {
        "2.5.4.3" => "CN",
        "2.5.4.4" => "SN",
        "2.5.4.5" => "serialNumber",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.9" => "street",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "2.5.4.12" => "title",
        "2.5.4.13" => "description",
        "2.5.4.15" => "businessCategory",
        "2.5.4.17" => "postalCode",
        "2.5.4.41" => "name",
        "2.5.4.42" => "GN",
        "2.5.4.43" => "initials",
        "2.5.4.44" => "generationQualifier",
        "2.5.4.46" => "dnQualifier",
        "2.5.4.65" => "pseudonym",
        "2.5.4.97" => "organizationIdentifier",
        "0.9.2342.19200300.100.1.1" => "UID",
        "0.9.2342.19200300.100.1.25" => "DC",
        "1.2.840.113549.1.9.1" => "emailAddress",
        "1.2.840.113549.1.9.2" => "unstructuredName",
        _ => return None,
    })
}

/// A value with what has a meaning in RFC 2253 escaped.
fn escaped(value: &str) -> String {
    let mut text = String::new();
    let last = value.len().saturating_sub(1);
    for (index, byte) in value.bytes().enumerate() {
        let at_edge = matches!((byte, index), (b'#' | b' ', 0)) || (byte == b' ' && index == last);
        match byte {
            b',' | b'+' | b'"' | b'\\' | b'<' | b'>' | b';' => {
                text.push('\\');
                text.push(byte.into());
            }
            _ if at_edge => {
                text.push('\\');
                text.push(byte.into());
            }
            0x20..0x7f => text.push(byte.into()),
            _ => {
                // Writing to a String does not fail.
                let _ = write!(text, "\\{byte:02X}");
            }
        }
    }
    text
}

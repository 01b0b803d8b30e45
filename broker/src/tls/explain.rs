//! What a failed handshake means, for whoever reads the log.

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, PeerIncompatible};

use super::{Clock, clock};

/// What went wrong, in words for somebody who has to do something about it; `None` if rustls says it best.
pub fn explain(error: &Error) -> Option<String> {
    Some(match error {
        // What rustls says of plain MQTT on a port for TLS helps nobody who reads a log.
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "it does not speak TLS, which this port requires".to_owned()
        }
        Error::NoCertificatesPresented => {
            "it showed no certificate, which this port requires".to_owned()
        }
        Error::NoApplicationProtocol => "by ALPN it asks for another protocol than mqtt".to_owned(),
        Error::PeerIncompatible(lack) => incompatible(lack)?.to_owned(),
        Error::InvalidCertificate(error) => certificate(error)?,
        Error::AlertReceived(alert) => refused(*alert)?.to_owned(),
        _ => return None,
    })
}

fn incompatible(lack: &PeerIncompatible) -> Option<&'static str> {
    Some(match lack {
        // What tells a client of an old version is that it lacks what later ones need.
        PeerIncompatible::Tls12NotOffered
        | PeerIncompatible::Tls12NotOfferedOrEnabled
        | PeerIncompatible::Tls13RequiredForQuic
        | PeerIncompatible::SignatureAlgorithmsExtensionRequired
        | PeerIncompatible::SupportedVersionsExtensionRequired => {
            "it does not speak the version of TLS that is asked for: see tls_version"
        }
        PeerIncompatible::NoCipherSuitesInCommon
        | PeerIncompatible::NoKxGroupsInCommon
        | PeerIncompatible::NoSignatureSchemesInCommon => {
            "no cipher suite in common, or none that fits the kind of key in keyfile: see ciphers"
        }
        _ => return None,
    })
}

fn certificate(error: &CertificateError) -> Option<String> {
    Some(match error {
        CertificateError::ExpiredContext { not_after, time } => {
            format!(
                "its certificate ended on {}, and now it is {}",
                date(*not_after),
                date(*time)
            )
        }
        CertificateError::NotValidYetContext { not_before, time } => {
            format!("its certificate {}", not_yet(*not_before, *time))
        }
        CertificateError::Revoked => "its certificate was revoked, says crlfile".to_owned(),
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "its certificate is from no authority in cafile or capath".to_owned()
        }
        CertificateError::UnknownRevocationStatus => {
            "no list in crlfile is by the authority that its certificate is from".to_owned()
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "its certificate is not meant for clients: its extended key usage lacks clientAuth"
                .to_owned()
        }
        _ => return None,
    })
}

fn not_yet(not_before: UnixTime, time: UnixTime) -> String {
    let begins = date(not_before);
    let behind = Clock::default().is_behind();
    let clock = if behind {
        "this machine's clock is wrong"
    } else {
        "if that is wrong, so is this machine's clock"
    };
    format!(
        "is valid only from {begins} on, and now it is {}: {clock}",
        date(time)
    )
}

/// What a client means that ends a handshake.
fn refused(alert: AlertDescription) -> Option<&'static str> {
    Some(match alert {
        AlertDescription::UnknownCA | AlertDescription::BadCertificate => {
            "the client does not trust this server's certificate: it lacks the authority, or the name in it is another"
        }
        AlertDescription::CertificateExpired => {
            "the client says that this server's certificate has ended, or its clock is wrong"
        }
        AlertDescription::CertificateUnknown => {
            "the client does not take this server's certificate"
        }
        _ => return None,
    })
}

fn date(time: UnixTime) -> String {
    clock::date(i64::try_from(time.as_secs()).unwrap_or(i64::MAX))
}

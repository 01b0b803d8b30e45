//! A TLS client that trusts one authority alone and says what is wrong with the other side.
//!
//! It speaks over whatever can be read and written: a socket, or a channel of an SSH connection. It
//! never asks the operating system's authorities: a site has its own.

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, RootCertStore,
    SignatureScheme, StreamOwned,
};
use time::OffsetDateTime;

use crate::pki::{self, Summary};

/// What is spoken through after a handshake.
pub type TlsStream<S> = StreamOwned<ClientConnection, S>;

/// Why there is no TLS connection to a server of one's own.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// What was given as the authority's certificate is none.
    #[error("the authority's certificate can't be used: {0}")]
    Authority(String),
    /// No certificate can be for this name.
    #[error("{0:?} is neither a host name nor an address")]
    ServerName(String),
    /// The other side is not reachable.
    #[error("the connection failed")]
    Connection(#[source] io::Error),
    /// It took the connection, and then too long.
    #[error("there was no answer in time")]
    Silent,
    /// It closed the connection; servers without TLS do that when they are spoken to in TLS.
    #[error("the other side closed the connection instead of answering in TLS")]
    Closed,
    /// What it said is not TLS.
    #[error("the other side answered, but not in TLS")]
    NotTls,
    /// Its certificate was not issued by the authority.
    #[error("the certificate is another authority's")]
    WrongAuthority,
    /// The authority issued its certificate, but for other names.
    #[error("the certificate is not for {0}")]
    WrongName(String),
    /// The authority issued its certificate, but it has ended.
    #[error("the certificate ended on {}", .not_after.date())]
    Expired {
        /// The last moment it was valid.
        not_after: OffsetDateTime,
    },
    /// The authority issued its certificate, but it has not begun by this computer's clock.
    #[error("the certificate begins on {}", .not_before.date())]
    NotYetValid {
        /// The first moment it is valid.
        not_before: OffsetDateTime,
    },
    /// Anything else, such as an alert from the other side.
    #[error("the TLS handshake failed")]
    Handshake(#[source] Error),
}

/// A client of servers that one authority has certified.
#[derive(Clone)]
pub struct TlsClient {
    config: Arc<ClientConfig>,
}

impl fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsClient(..)")
    }
}

impl TlsClient {
    /// Trusts the first certificate in `authority`, which is PEM.
    ///
    /// # Errors
    ///
    /// [`TlsError::Authority`].
    pub fn trusting(authority: &str) -> Result<Self, TlsError> {
        let unusable = |error: &dyn fmt::Display| TlsError::Authority(error.to_string());
        let der = pki::certificate(authority).map_err(|error| unusable(&error))?;
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from(der))
            .map_err(|error| unusable(&error))?;
        let provider = Arc::new(ring::default_provider());
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .build()
                .map_err(|error| unusable(&error))?;
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable(&error))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AuthorityFirst(verifier)))
            .with_no_client_auth();
        // A resumed session would prove what the certificate was, not what it is.
        config.resumption = Resumption::disabled();
        Ok(Self {
            config: Arc::new(config),
        })
    }

    /// Greets the server at the other end of `stream`, which must have a certificate for `name`.
    ///
    /// All of it takes no longer than `limit` and one read or write of `stream`: a socket needs
    /// time limits of its own.
    ///
    /// # Errors
    ///
    /// Any [`TlsError`] but [`TlsError::Authority`]; the stream is dropped, and so closed.
    pub fn handshake<S: Read + Write>(
        &self,
        name: &str,
        mut stream: S,
        limit: Duration,
    ) -> Result<TlsStream<S>, TlsError> {
        let no_name = || TlsError::ServerName(name.to_owned());
        let server = ServerName::try_from(name.to_owned()).or(Err(no_name()))?;
        let mut connection = ClientConnection::new(Arc::clone(&self.config), server)
            .map_err(|error| classify(error, name))?;
        drive(&mut connection, &mut stream, name, limit)?;
        Ok(StreamOwned::new(connection, stream))
    }
}

/// What the server's certificate says. It was verified when the handshake ended.
pub fn peer_certificate<S: Read + Write>(stream: &TlsStream<S>) -> Result<Summary, TlsError> {
    let none = || TlsError::Handshake(Error::NoCertificatesPresented);
    let certificates = stream.conn.peer_certificates();
    let first = certificates.and_then(<[_]>::first).ok_or_else(none)?;
    pki::summarize_der(first)
        .map_err(|error| TlsError::Handshake(Error::General(error.to_string())))
}

/// Sends and receives until the handshake is over.
///
/// Not `complete_io`: it would wait for a server that sends a byte now and then for hours.
fn drive<S: Read + Write>(
    connection: &mut ClientConnection,
    stream: &mut S,
    name: &str,
    limit: Duration,
) -> Result<(), TlsError> {
    let begun = Instant::now();
    while connection.is_handshaking() || connection.wants_write() {
        if begun.elapsed() >= limit {
            return Err(TlsError::Silent);
        }
        let moved = if connection.wants_write() {
            connection.write_tls(stream).and_then(|_| stream.flush())
        } else {
            match connection.read_tls(stream) {
                Ok(0) => return Err(TlsError::Closed),
                read => read.map(drop),
            }
        };
        match moved {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            moved => moved.map_err(broken)?,
        }
        if let Err(error) = connection.process_new_packets() {
            // The other side is told why; that it may be gone by now changes nothing.
            drop(connection.write_tls(stream).and_then(|_| stream.flush()));
            return Err(classify(error, name));
        }
    }
    Ok(())
}

fn broken(error: io::Error) -> TlsError {
    use io::ErrorKind as Kind;
    match error.kind() {
        // A socket's read that took too long is `WouldBlock` on Linux.
        Kind::WouldBlock | Kind::TimedOut => TlsError::Silent,
        Kind::ConnectionReset
        | Kind::ConnectionAborted
        | Kind::BrokenPipe
        | Kind::UnexpectedEof => TlsError::Closed,
        _ => TlsError::Connection(error),
    }
}

fn classify(error: Error, name: &str) -> TlsError {
    let at = |time: UnixTime| {
        let seconds = i64::try_from(time.as_secs()).ok();
        let time = seconds.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
        time.unwrap_or(OffsetDateTime::UNIX_EPOCH)
    };
    match error {
        Error::InvalidMessage(_) => TlsError::NotTls,
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => TlsError::WrongAuthority,
        Error::InvalidCertificate(CertificateError::NotValidForNameContext { .. }) => {
            TlsError::WrongName(name.to_owned())
        }
        Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. }) => {
            TlsError::Expired {
                not_after: at(not_after),
            }
        }
        Error::InvalidCertificate(CertificateError::NotValidYetContext { not_before, .. }) => {
            TlsError::NotYetValid {
                not_before: at(not_before),
            }
        }
        other => TlsError::Handshake(other),
    }
}

/// Verifies as webpki does and refuses what webpki refuses, but for the reason that matters most.
///
/// webpki looks at a certificate's dates before it looks at who signed it, so that a stranger's old
/// certificate would be called one's own that has ended. And it has several words for a certificate
/// that another authority issued, depending on what that authority calls itself.
#[derive(Debug)]
struct AuthorityFirst(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for AuthorityFirst {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verify = |at| {
            let verifier = &self.0;
            verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, at)
        };
        let error = match verify(now) {
            Ok(verified) => return Ok(verified),
            Err(error) => error,
        };
        let foreign = match &error {
            Error::InvalidCertificate(
                CertificateError::ExpiredContext {
                    not_after: then, ..
                }
                | CertificateError::NotValidYetContext {
                    not_before: then, ..
                },
            ) => verify(*then).is_err_and(|error| is_foreign(&error)),
            error => is_foreign(error),
        };
        Err(if foreign {
            CertificateError::UnknownIssuer.into()
        } else {
            error
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// Whether the authority can't have issued a certificate that was refused so.
///
/// `Other` is what a site's authority never issues: one that is its own authority, as openssl makes
/// them when nothing else is asked for, or one of X.509 version 1.
fn is_foreign(error: &Error) -> bool {
    matches!(
        error,
        Error::InvalidCertificate(
            CertificateError::UnknownIssuer
                | CertificateError::BadSignature
                | CertificateError::UnsupportedSignatureAlgorithmContext { .. }
                | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. }
                | CertificateError::Other(_)
        )
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;
    use std::thread;

    use rustls::ServerConfig;
    use rustls::pki_types::PrivateKeyDer;
    use rustls::pki_types::pem::PemObject;
    use time::Duration as Days;

    use super::*;
    use crate::pki::{Authority, Issued, Subject};

    const LIMIT: Duration = Duration::from_secs(10);

    /// An authority's certificate, and one for `broker.local` that it issued `days` from now.
    fn issue(organization: &str, days: i64) -> (String, Issued) {
        let subject = Subject {
            organization: organization.to_owned(),
            email: None,
        };
        let now = OffsetDateTime::now_utc();
        let own = Authority::generate(&subject, 1, now).unwrap();
        let authority = Authority::load(&own.certificate, &own.key).unwrap();
        let names = ["broker.local".parse().unwrap()];
        let then = now + Days::days(days);
        let issued = authority.issue_server(&names, 2, then).unwrap();
        (own.certificate, issued)
    }

    /// Greets a server that has `issued`, which rustls serves.
    fn greet(authority: &str, issued: &Issued, name: &str) -> Result<Summary, TlsError> {
        let chain = vec![CertificateDer::from_pem_slice(issued.certificate.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .unwrap();
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        ours.set_read_timeout(Some(LIMIT)).unwrap();
        let server = thread::spawn(move || {
            let mut connection = rustls::ServerConnection::new(Arc::new(config)).unwrap();
            connection.complete_io(&mut theirs)
        });
        let client = TlsClient::trusting(authority).unwrap();
        let stream = client.handshake(name, ours, LIMIT);
        let seen = stream.and_then(|stream| peer_certificate(&stream));
        drop(server.join().unwrap());
        seen
    }

    /// Greets somebody who says `words` and no more.
    fn greet_plain(words: &[u8]) -> TlsError {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(words).unwrap();
        theirs.shutdown(std::net::Shutdown::Write).unwrap();
        let client = TlsClient::trusting(&issue("ours", 0).0).unwrap();
        client
            .handshake("broker.local", ours, LIMIT)
            .map(drop)
            .unwrap_err()
    }

    #[test]
    fn a_server_of_the_authority_shows_its_certificate() {
        let (authority, issued) = issue("ours", 0);
        let seen = greet(&authority, &issued, "broker.local").unwrap();
        assert_eq!(seen, pki::summarize(&issued.certificate).unwrap());
    }

    #[test]
    fn another_authority_is_told_whatever_it_calls_itself_and_however_old_its_certificate_is() {
        let (authority, _) = issue("ours", 0);
        for (organization, days) in [("theirs", 0), ("ours", 0), ("theirs", -900), ("ours", 90)] {
            let (_, issued) = issue(organization, days);
            let error = greet(&authority, &issued, "broker.local").unwrap_err();
            let named = format!("{organization}, {days} days: {error:?}");
            assert!(matches!(error, TlsError::WrongAuthority), "{named}");
        }
    }

    #[test]
    fn a_certificate_that_ended_or_has_not_begun_is_told_with_the_day() {
        let (authority, issued) = issue("ours", -900);
        let summary = pki::summarize(&issued.certificate).unwrap();
        let error = greet(&authority, &issued, "broker.local").unwrap_err();
        let ended =
            matches!(error, TlsError::Expired { not_after } if not_after == summary.not_after);
        assert!(ended, "{error:?}");
        let (authority, issued) = issue("ours", 90);
        let error = greet(&authority, &issued, "broker.local").unwrap_err();
        assert!(matches!(error, TlsError::NotYetValid { .. }), "{error:?}");
    }

    #[test]
    fn a_name_that_is_not_in_the_certificate_is_told() {
        let (authority, issued) = issue("ours", 0);
        let error = greet(&authority, &issued, "broker-2.local").unwrap_err();
        assert!(matches!(error, TlsError::WrongName(name) if name == "broker-2.local"));
    }

    #[test]
    fn a_port_without_tls_is_told_from_one_that_hangs_up() {
        let web = greet_plain(b"HTTP/1.0 400 Bad Request\r\n\r\n");
        assert!(matches!(web, TlsError::NotTls), "{web:?}");
        let hung_up = greet_plain(b"");
        assert!(matches!(hung_up, TlsError::Closed), "{hung_up:?}");
    }

    /// Sends the beginning of a long record, one byte at a time.
    struct Drip(usize);

    impl Read for Drip {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            thread::sleep(Duration::from_millis(1));
            buffer[0] = *[0x16, 0x03, 0x03, 0x3f, 0xff].get(self.0).unwrap_or(&0);
            self.0 += 1;
            Ok(1)
        }
    }

    impl Write for Drip {
        fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
            Ok(buffer.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_server_that_never_comes_to_an_end_is_left() {
        let client = TlsClient::trusting(&issue("ours", 0).0).unwrap();
        let ended = client.handshake("broker.local", Drip(0), Duration::from_millis(50));
        let error = ended.map(drop).unwrap_err();
        assert!(matches!(error, TlsError::Silent), "{error:?}");
    }

    #[test]
    fn what_is_no_certificate_is_no_authority() {
        let error = TlsClient::trusting("-----BEGIN NOTHING-----").unwrap_err();
        assert!(matches!(error, TlsError::Authority(_)), "{error:?}");
    }
}

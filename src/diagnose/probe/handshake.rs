use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::sign::CertifiedKey;
use rustls::{
    AlertDescription, ClientConfig, DigitallySignedStruct, InvalidMessage, ProtocolVersion,
    SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

use super::deadline::Deadline;
use crate::text;
use crate::tls::{Certificate, TlsRange, TlsVersion, provider};

/// Options of a handshake.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The name for the server's name indication; an address sends none.
    pub host: String,
    /// The versions that the configuration allows.
    pub range: TlsRange,
    /// Announces the protocol `postgresql`, as libpq does from version 17 on.
    pub alpn: bool,
    /// Makes the first message larger than a packet, as hybrid key exchange does from OpenSSL 3.5 on.
    pub large: bool,
}

/// The observations of a handshake, complete or not.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The server's certificates, its own first.
    pub chain: Vec<Certificate>,
    /// Certificates that could not be read.
    pub unreadable: usize,
    /// The negotiated version: `TLSv1.3`.
    pub version: Option<&'static str>,
    /// The negotiated cipher, in its IANA name.
    pub cipher: Option<String>,
    /// The server took the protocol `postgresql`.
    pub alpn: bool,
    /// The authorities whose client certificates the server wants; `None` when it asked for none.
    pub client_cert_asked: Option<Vec<String>>,
}

/// The reason why a handshake failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broken {
    /// No version in common.
    Version,
    /// The server gave up with an alert, in rustls' word for it.
    Alert(String),
    /// It closed the connection in the middle.
    Closed,
    /// It said nothing in time.
    Silent,
    /// The server's answer is not TLS.
    Rubbish(String),
    /// This program's TLS library cannot go on where OpenSSL may.
    Limits(String),
}

/// Makes a handshake that accepts every certificate and records it. Nothing secret is sent over such a connection.
pub async fn shake_hands(
    stream: TcpStream,
    offer: &Offer,
    deadline: Deadline,
) -> (Seen, Result<Box<TlsStream<TcpStream>>, Broken>) {
    let record = Arc::new(Record::default());
    let result = match config(offer, &record) {
        Err(limit) => Err(Broken::Limits(limit)),
        Ok(config) => {
            let name = ServerName::try_from(offer.host.clone())
                .or_else(|_| ServerName::try_from("name.invalid"))
                .map_err(|error| Broken::Limits(error.to_string()));
            match name {
                Err(limit) => Err(limit),
                Ok(name) => match deadline
                    .run(TlsConnector::from(config).connect(name, stream))
                    .await
                {
                    Err(_) => Err(Broken::Silent),
                    Ok(Ok(stream)) => Ok(Box::new(stream)),
                    Ok(Err(error)) => Err(broken(&error)),
                },
            }
        }
    };
    let mut seen = record.seen();
    if let Ok(stream) = &result {
        let (_, session) = stream.get_ref();
        seen.version = session.protocol_version().and_then(version_name);
        // rustls writes `TLS13_` where everybody else writes `TLS_`.
        let suite = session
            .negotiated_cipher_suite()
            .and_then(|suite| suite.suite().as_str());
        seen.cipher = suite.map(|name| name.replacen("TLS13_", "TLS_", 1));
        seen.alpn = session.alpn_protocol() == Some(b"postgresql");
    }
    (seen, result)
}

/// Interprets an alert or a closed connection after the handshake.
pub(super) fn broken(error: &io::Error) -> Broken {
    let Some(tls) = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
    else {
        return Broken::Closed;
    };
    match tls {
        rustls::Error::AlertReceived(AlertDescription::ProtocolVersion)
        | rustls::Error::PeerIncompatible(_) => Broken::Version,
        rustls::Error::AlertReceived(alert) => {
            Broken::Alert(alert.as_str().unwrap_or("unknown").to_owned())
        }
        // OpenSSL takes longer certificates.
        rustls::Error::InvalidMessage(InvalidMessage::HandshakePayloadTooLarge) => {
            Broken::Limits("the server's certificates are longer than 64 KiB".to_owned())
        }
        rustls::Error::InvalidMessage(_)
        | rustls::Error::InappropriateMessage { .. }
        | rustls::Error::InappropriateHandshakeMessage { .. }
        | rustls::Error::PeerMisbehaved(_)
        | rustls::Error::DecryptError
        | rustls::Error::PeerSentOversizedRecord => Broken::Rubbish(text::safe(&tls.to_string())),
        other => Broken::Limits(text::safe(&other.to_string())),
    }
}

fn config(offer: &Offer, record: &Arc<Record>) -> Result<Arc<ClientConfig>, String> {
    let mut versions = Vec::new();
    if offer.range.contains(TlsVersion::V1_3) {
        versions.push(&rustls::version::TLS13);
    }
    if offer.range.contains(TlsVersion::V1_2) {
        versions.push(&rustls::version::TLS12);
    }
    if versions.is_empty() {
        return Err("only TLS 1.2 and 1.3 can be checked here".to_owned());
    }
    let builder = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&versions)
        .map_err(|error| text::safe(&error.to_string()))?;
    let mut config = builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(record) as Arc<dyn ServerCertVerifier>)
        .with_client_cert_resolver(Arc::clone(record) as Arc<dyn ResolvesClientCert>);
    if offer.alpn || offer.large {
        config.alpn_protocols = vec![b"postgresql".to_vec()];
    }
    if offer.large {
        // Servers skip the names of protocols that they do not know.
        let padding = (b'a'..=b'h').map(|letter| vec![letter; 200]);
        config.alpn_protocols.extend(padding);
    }
    Ok(Arc::new(config))
}

fn version_name(version: ProtocolVersion) -> Option<&'static str> {
    match version {
        ProtocolVersion::TLSv1_2 => Some(TlsVersion::V1_2.keyword()),
        ProtocolVersion::TLSv1_3 => Some(TlsVersion::V1_3.keyword()),
        _ => None,
    }
}

/// Notes what the server shows and asks for.
#[derive(Debug, Default)]
struct Record {
    chain: Mutex<Vec<CertificateDer<'static>>>,
    asked: Mutex<Option<Vec<String>>>,
}

impl Record {
    fn seen(&self) -> Seen {
        let chain = self.chain.lock().unwrap_or_else(PoisonError::into_inner);
        let read: Vec<Certificate> = chain
            .iter()
            .filter_map(|der| Certificate::from_der(der).ok())
            .collect();
        let asked = self
            .asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        Seen {
            unreadable: chain.len() - read.len(),
            chain: read,
            client_cert_asked: asked,
            ..Seen::default()
        }
    }
}

impl ServerCertVerifier for Record {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let chain = std::iter::once(end_entity)
            .chain(intermediates)
            .map(|der| der.clone().into_owned())
            .collect();
        *self.chain.lock().unwrap_or_else(PoisonError::into_inner) = chain;
        // The judgement is made afterwards, on what was recorded; this connection carries nothing worth protecting.
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

impl ResolvesClientCert for Record {
    fn resolve(
        &self,
        root_hints: &[&[u8]],
        _schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        let names = root_hints.iter().take(50).map(|hint| {
            X509Name::from_der(hint).map_or_else(
                |_| "(unreadable)".to_owned(),
                |(_, name)| text::safe(&name.to_string()),
            )
        });
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = Some(names.collect());
        None
    }

    fn has_certs(&self) -> bool {
        // Otherwise rustls would not ask, and the request would go unnoticed.
        true
    }
}

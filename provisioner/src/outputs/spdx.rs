//! As much of SPDX 2.3 in JSON as a list of software needs. The names are the standard's.

use std::fmt::Write;

use data_encoding::HEXLOWER;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Nobody here can say.
pub(super) const NO_ASSERTION: &str = "NOASSERTION";

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document {
    #[serde(rename = "SPDXID")]
    id: &'static str,
    spdx_version: &'static str,
    data_license: &'static str,
    name: String,
    #[serde(rename = "documentNamespace")]
    namespace: String,
    creation_info: CreationInfo,
    packages: Vec<Package>,
    relationships: Vec<Relationship>,
}

#[derive(Debug, Serialize)]
struct CreationInfo {
    created: String,
    creators: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Package {
    #[serde(rename = "SPDXID")]
    pub(super) id: String,
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version_info: Option<String>,
    download_location: &'static str,
    files_analyzed: bool,
    pub(super) license_concluded: &'static str,
    pub(super) license_declared: &'static str,
    copyright_text: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) primary_package_purpose: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) source_info: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) comment: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checksums: Vec<Checksum>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    external_refs: Vec<ExternalRef>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Checksum {
    algorithm: &'static str,
    checksum_value: String,
}

#[derive(Debug, Serialize)]
struct ExternalRef {
    #[serde(rename = "referenceCategory")]
    category: &'static str,
    #[serde(rename = "referenceType")]
    kind: &'static str,
    #[serde(rename = "referenceLocator")]
    locator: String,
}

#[derive(Debug, Serialize)]
struct Relationship {
    #[serde(rename = "spdxElementId")]
    from: String,
    #[serde(rename = "relationshipType")]
    how: &'static str,
    #[serde(rename = "relatedSpdxElement")]
    to: String,
}

impl Package {
    /// A package of which nothing but the name is known.
    pub(super) fn new(kind: &str, name: &str) -> Self {
        Self {
            id: id(kind, name),
            name: name.to_owned(),
            version_info: None,
            download_location: NO_ASSERTION,
            files_analyzed: false,
            license_concluded: NO_ASSERTION,
            license_declared: NO_ASSERTION,
            copyright_text: NO_ASSERTION,
            primary_package_purpose: None,
            source_info: None,
            comment: None,
            checksums: Vec::new(),
            external_refs: Vec::new(),
        }
    }

    pub(super) fn version(mut self, version: &str) -> Self {
        self.version_info = Some(version.to_owned());
        self
    }

    pub(super) fn sha256(mut self, digest: Option<&str>) -> Self {
        self.checksums.extend(digest.map(|digest| Checksum {
            algorithm: "SHA256",
            checksum_value: digest.to_owned(),
        }));
        self
    }

    /// Adds the address by which other tools know it.
    pub(super) fn purl(mut self, purl: String) -> Self {
        self.external_refs.push(ExternalRef {
            category: "PACKAGE-MANAGER",
            kind: "purl",
            locator: purl,
        });
        self
    }
}

impl Document {
    /// A document that describes its first package.
    pub(super) fn new(name: &str, date: String, packages: Vec<Package>) -> Self {
        const ID: &str = "SPDXRef-DOCUMENT";
        let mut document = Self {
            id: ID,
            spdx_version: "SPDX-2.3",
            data_license: "CC0-1.0",
            name: name.to_owned(),
            namespace: String::new(),
            creation_info: CreationInfo {
                created: date,
                creators: vec![concat!("Tool: provision-", env!("CARGO_PKG_VERSION")).to_owned()],
            },
            packages,
            relationships: Vec::new(),
        };
        if let Some(first) = document.packages.first() {
            let described = first.id.clone();
            document.relate(ID, "DESCRIBES", &described);
        }
        document
    }

    pub(super) fn relate(&mut self, from: &str, how: &'static str, to: &str) {
        self.relationships.push(Relationship {
            from: from.to_owned(),
            how,
            to: to.to_owned(),
        });
    }

    /// The text. The namespace, which no other document may have, comes from a digest of all else.
    pub(super) fn render(mut self) -> anyhow::Result<Vec<u8>> {
        let digest = HEXLOWER.encode(&Sha256::digest(serde_json::to_vec(&self)?));
        let name = super::uri::encode_name(&self.name);
        self.namespace = format!(
            "https://spdx.org/spdxdocs/{name}-{}-{}-{}-{}-{}",
            &digest[..8],
            &digest[8..12],
            &digest[12..16],
            &digest[16..20],
            &digest[20..32],
        );
        let mut text = serde_json::to_vec_pretty(&self)?;
        text.push(b'\n');
        Ok(text)
    }
}

/// `SPDXRef-KIND-NAME`, in letters, digits, dots and hyphens; a different one for every name.
fn id(kind: &str, name: &str) -> String {
    let mut id = format!("SPDXRef-{kind}-");
    for c in name.chars() {
        if c.is_ascii_alphanumeric() || c == '.' || c == '-' {
            id.push(c);
        } else {
            // Writing to a string can't fail.
            let _ = write!(id, "-u{:x}-", u32::from(c));
        }
    }
    id
}

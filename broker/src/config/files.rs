//! The files that a configuration names: who may log in, and who may do what.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::diagnostic::{ConfigError, Diagnostic, Place};
use super::model::Config;
use crate::acl::{Acl, AclFile};
use crate::passwd::PasswordFile;

/// The password and ACL files of all listeners, read.
#[derive(Debug, Clone)]
pub struct AccessFiles {
    /// For each listener, in the order of [`Config::listeners`].
    pub listeners: Vec<ListenerAccess>,
    /// What is legal but most likely not meant.
    pub warnings: Vec<Diagnostic>,
}

/// What one listener's clients are checked against. Listeners that name the same file share it.
#[derive(Debug, Clone, Default)]
pub struct ListenerAccess {
    /// Who gets in by password, if a file says so.
    pub passwords: Option<Arc<PasswordFile>>,
    /// Who may read and write what, if a file says so.
    pub acl: Option<Arc<Acl>>,
}

impl Config {
    /// Reads the password and ACL files.
    ///
    /// # Errors
    ///
    /// If one can't be read, and for each of their lines that is wrong.
    pub fn load_access(&self) -> Result<AccessFiles, ConfigError> {
        let mut errors = Vec::new();
        let mut warnings = Vec::new();
        let mut passwords = HashMap::new();
        let mut acls = HashMap::new();
        for security in self.listeners.iter().map(|listener| &listener.security) {
            if let Some(path) = &security.password_file {
                passwords
                    .entry(path)
                    .or_insert_with(|| read_passwords(path, &mut errors, &mut warnings));
            }
            if let Some(path) = &security.acl_file {
                acls.entry(path)
                    .or_insert_with(|| read_acl(path, &mut errors, &mut warnings));
            }
        }
        ConfigError::from_errors(errors)?;
        let listeners = self.listeners.iter().map(|listener| ListenerAccess {
            passwords: shared(&passwords, listener.security.password_file.as_ref()),
            acl: shared(&acls, listener.security.acl_file.as_ref()),
        });
        Ok(AccessFiles {
            listeners: listeners.collect(),
            warnings,
        })
    }

    /// Says whether the password and ACL files can be read and what is wrong with their lines.
    ///
    /// # Errors
    ///
    /// As [`load_access`](Self::load_access).
    pub fn check_files(&self) -> Result<Vec<Diagnostic>, ConfigError> {
        self.load_access().map(|files| files.warnings)
    }
}

fn shared<T>(files: &HashMap<&PathBuf, Arc<T>>, path: Option<&PathBuf>) -> Option<Arc<T>> {
    path.and_then(|path| files.get(path)).map(Arc::clone)
}

fn read_passwords(
    path: &Path,
    errors: &mut Vec<Diagnostic>,
    warnings: &mut Vec<Diagnostic>,
) -> Arc<PasswordFile> {
    match read_text(path) {
        Ok(text) => {
            let (file, problems) = PasswordFile::read(&text);
            errors.extend(
                problems
                    .iter()
                    .map(|e| Diagnostic::new(&place(path, e.line), e.to_string())),
            );
            warnings.extend(
                file.weak_hashes()
                    .map(|text| Diagnostic::new(&place(path, 0), text)),
            );
            Arc::new(file)
        }
        Err(error) => {
            errors.push(error);
            Arc::default()
        }
    }
}

fn read_acl(path: &Path, errors: &mut Vec<Diagnostic>, warnings: &mut Vec<Diagnostic>) -> Arc<Acl> {
    match read_text(path) {
        Ok(text) => {
            let (file, problems) = AclFile::read(&text);
            errors.extend(
                problems
                    .iter()
                    .map(|e| Diagnostic::new(&place(path, e.line), e.to_string())),
            );
            let unwise = file.warnings();
            warnings.extend(
                unwise
                    .into_iter()
                    .map(|(line, text)| Diagnostic::new(&place(path, line), text)),
            );
            Arc::new(Acl::from(&file))
        }
        Err(error) => {
            errors.push(error);
            Arc::default()
        }
    }
}

fn place(path: &Path, line: usize) -> Place {
    Place {
        file: path.to_string_lossy().into(),
        line,
    }
}

/// Reads a file of text.
pub(super) fn read_text(path: &Path) -> Result<String, Diagnostic> {
    let bytes = fs::read(path)
        .map_err(|error| Diagnostic::new(&place(path, 0), format!("cannot read file: {error}")))?;
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = good.split(|byte| *byte == b'\n').count();
        Diagnostic::new(&place(path, line), "invalid UTF-8")
    })
}

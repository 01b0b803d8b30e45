//! The files that a configuration names: who may log in, and who may do what.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::advice;
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
    /// What is unwise, for whoever checks a configuration.
    pub advice: Vec<Diagnostic>,
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
        let (files, errors) = self.load_access_all();
        ConfigError::from_errors(errors)?;
        Ok(files)
    }

    /// Reads what can be read of these files, and says what is wrong with the rest.
    pub fn load_access_all(&self) -> (AccessFiles, Vec<Diagnostic>) {
        let mut said = Said::default();
        let mut passwords = HashMap::new();
        let mut acls = HashMap::new();
        for security in self.listeners.iter().map(|listener| &listener.security) {
            if let Some(path) = &security.password_file {
                passwords
                    .entry(path)
                    .or_insert_with(|| self.read_passwords(path, &mut said));
            }
            if let Some(path) = &security.acl_file {
                acls.entry(path)
                    .or_insert_with(|| self.read_acl(path, &mut said));
            }
        }
        let listeners = self.listeners.iter().map(|listener| ListenerAccess {
            passwords: shared(&passwords, listener.security.password_file.as_ref()),
            acl: shared(&acls, listener.security.acl_file.as_ref()),
        });
        let files = AccessFiles {
            listeners: listeners.collect(),
            warnings: said.warnings,
            advice: said.advice,
        };
        (files, said.errors)
    }

    /// Whether clients without a user name get in through a listener with this ACL file.
    fn has_nameless(&self, acl_file: &Path) -> bool {
        self.listeners.iter().any(|listener| {
            listener.security.allow_anonymous
                && listener.security.acl_file.as_deref() == Some(acl_file)
        })
    }

    fn read_passwords(&self, path: &Path, said: &mut Said) -> Arc<PasswordFile> {
        match self.read_named("password_file", path) {
            Ok(text) => {
                let (file, problems) = PasswordFile::read(&text);
                said.errors.extend(
                    problems
                        .iter()
                        .map(|e| Diagnostic::new(&place(path, e.line), e.to_string())),
                );
                said.warnings.extend(
                    file.weak_hashes()
                        .map(|text| Diagnostic::new(&place(path, 0), text)),
                );
                Arc::new(file)
            }
            Err(error) => {
                said.errors.push(error);
                Arc::default()
            }
        }
    }

    fn read_acl(&self, path: &Path, said: &mut Said) -> Arc<Acl> {
        match self.read_named("acl_file", path) {
            Ok(text) => {
                let (file, problems) = AclFile::read(&text);
                said.errors.extend(
                    problems
                        .iter()
                        .map(|e| Diagnostic::new(&place(path, e.line), e.to_string())),
                );
                let unwise = file.warnings();
                said.warnings.extend(
                    unwise
                        .into_iter()
                        .map(|(line, text)| Diagnostic::new(&place(path, line), text)),
                );
                let anonymous = self.has_nameless(path);
                advice::lines(&file, anonymous, &place(path, 0), &mut said.advice);
                Arc::new(Acl::from(&file))
            }
            Err(error) => {
                said.errors.push(error);
                Arc::default()
            }
        }
    }

    /// Reads a file of text that a line names.
    fn read_named(&self, option: &str, path: &Path) -> Result<String, Diagnostic> {
        match fs::read(path) {
            Ok(bytes) => decode(path, bytes),
            Err(error) => Err(self.unreadable(option, path, &error)),
        }
    }

    /// Says which files with secrets in them everybody may read.
    pub fn secrets_advice(&self) -> Vec<Diagnostic> {
        let passwords = self
            .listeners
            .iter()
            .filter_map(|listener| listener.security.password_file.as_ref());
        let keys = self
            .listeners
            .iter()
            .filter_map(|listener| listener.tls.as_ref().map(|tls| &tls.keyfile));
        let paths: BTreeSet<_> = passwords.chain(keys).collect();
        let mut advice = Vec::new();
        for path in paths {
            advice::readable_by_all(path, &place(path, 0), &mut advice);
        }
        advice
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

/// What there is to say about files.
#[derive(Default)]
struct Said {
    errors: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
    advice: Vec<Diagnostic>,
}

fn shared<T>(files: &HashMap<&PathBuf, Arc<T>>, path: Option<&PathBuf>) -> Option<Arc<T>> {
    path.and_then(|path| files.get(path)).map(Arc::clone)
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
    decode(path, bytes)
}

fn decode(path: &Path, bytes: Vec<u8>) -> Result<String, Diagnostic> {
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = good.split(|byte| *byte == b'\n').count();
        Diagnostic::new(&place(path, line), "invalid UTF-8")
    })
}

//! A password file as a whole: its lines in order, comments included.

use std::collections::HashMap;
use std::fmt;
use std::hint::black_box;

use super::line::Line;
use super::{
    HashingError, PasswdError, PasswdProblem, Password, PasswordHash, UserNameError,
    check_user_name,
};

/// How many users with weak hashes a warning names.
const NAMED: usize = 10;

/// A password file: who may log in, and with what.
///
/// `Display` writes the file; comments and the order of lines survive.
#[derive(Debug, Clone)]
pub struct PasswordFile {
    lines: Vec<Line>,
    /// Where in `lines` a user is.
    users: HashMap<String, usize>,
    /// What an unknown user's password is checked against, so that it takes as long as that of most known ones.
    decoy: PasswordHash,
}

impl Default for PasswordFile {
    /// An empty file: nobody may log in.
    fn default() -> Self {
        Self {
            lines: Vec::new(),
            users: HashMap::new(),
            decoy: PasswordHash::default_decoy(),
        }
    }
}

impl PasswordFile {
    /// Reads a password file.
    ///
    /// # Errors
    ///
    /// The first line that is wrong; [`read`](Self::read) finds all of them.
    pub fn parse(text: &str) -> Result<Self, PasswdError> {
        let (file, errors) = Self::read(text);
        errors.into_iter().next().map_or(Ok(file), Err)
    }

    /// Reads what can be read of a password file, and says what is wrong with the rest.
    pub fn read(text: &str) -> (Self, Vec<PasswdError>) {
        let mut file = Self::default();
        let mut errors = Vec::new();
        for (index, line) in text.lines().enumerate() {
            // A last line may end in a bare carriage return, which would not be read back.
            let line = line.trim_end_matches('\r');
            match file.user_of(line) {
                Ok(Some((name, hash))) => {
                    file.users.insert(name.clone(), index);
                    file.lines.push(Line::User(name, hash));
                }
                Ok(None) => file.lines.push(Line::Other(line.to_owned())),
                Err(problem) => {
                    errors.push(PasswdError {
                        line: index + 1,
                        problem,
                    });
                    file.lines.push(Line::unusable(line));
                }
            }
        }
        file.choose_decoy();
        (file, errors)
    }

    /// The new user that `line` names, or none for a comment.
    fn user_of(&self, line: &str) -> Result<Option<(String, PasswordHash)>, PasswdProblem> {
        if line.starts_with('#') || line.trim().is_empty() {
            return Ok(None);
        }
        let (name, hash) = line.split_once(':').ok_or(PasswdProblem::NoColon)?;
        let (name, hash) = (name.trim().to_owned(), hash.trim());
        check_user_name(&name)?;
        if let Some(first) = self.users.get(&name) {
            return Err(PasswdProblem::Duplicate {
                name,
                first: first + 1,
            });
        }
        if hash.is_empty() {
            return Err(PasswdProblem::NoHash(name));
        }
        match hash.parse() {
            Ok(hash) => Ok(Some((name, hash))),
            Err(problem) => Err(PasswdProblem::Hash { name, problem }),
        }
    }

    /// The users in the order of the file.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries().map(|(name, _)| name)
    }

    /// The users with their hashes in the order of the file.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &PasswordHash)> {
        self.lines.iter().filter_map(|line| match line {
            Line::User(name, hash) => Some((name.as_str(), hash)),
            Line::Other(_) | Line::Unusable { .. } => None,
        })
    }

    /// The hash of user `name`'s password.
    pub fn lookup(&self, name: &str) -> Option<&PasswordHash> {
        match &self.lines[*self.users.get(name)?] {
            Line::User(_, hash) => Some(hash),
            Line::Other(_) | Line::Unusable { .. } => None,
        }
    }

    /// Whether there is a user `name` with this password.
    ///
    /// Slow on purpose, and as slow for a name that is not in the file as for most of those in it, so that time
    /// does not tell which names exist. In a file with hashes of different costs it does tell those whose hash
    /// costs something else than most; the costly ones are the fewer after a change of the iterations.
    pub fn authenticate(&self, name: &str, password: &[u8]) -> bool {
        if let Some(hash) = self.lookup(name) {
            return hash.verify(password);
        }
        // Nobody knows a password for the decoy, but that is no proof that there is none.
        let _ = black_box(self.decoy.verify(password));
        false
    }

    /// Gives user `name` the password behind `hash`: in the place of its first line if there is one, else as
    /// the last line. Other lines with this name, which let nobody in, go.
    ///
    /// # Errors
    ///
    /// If the name can't stand in a password file.
    pub fn set(&mut self, name: &str, hash: PasswordHash) -> Result<(), UserNameError> {
        check_user_name(name)?;
        let place = self.place(name).unwrap_or(self.lines.len());
        self.lines.retain(|line| line.name() != Some(name));
        self.lines.insert(place, Line::User(name.to_owned(), hash));
        self.index();
        Ok(())
    }

    /// Removes all lines of user `name`; whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        let found = self.contains(name);
        self.lines.retain(|line| line.name() != Some(name));
        self.index();
        found
    }

    /// Whether there is a line with this name, be it one that lets nobody in.
    pub fn contains(&self, name: &str) -> bool {
        self.place(name).is_some()
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.lines.iter().position(|line| line.name() == Some(name))
    }

    /// Hashes what stands in clear text, and leaves alone what is a hash. Returns the names of whose passwords
    /// were hashed.
    ///
    /// # Errors
    ///
    /// The first failure of `hash`. Some passwords may have been hashed by then.
    pub fn hash_clear_text(
        &mut self,
        mut hash: impl FnMut(&Password) -> Result<PasswordHash, HashingError>,
    ) -> Result<Vec<String>, HashingError> {
        let mut names = Vec::new();
        for index in 0..self.lines.len() {
            let line = &self.lines[index];
            let (Some(name), Some(text)) = (line.name().map(str::to_owned), line.clear_text())
            else {
                continue;
            };
            let Ok(password) = Password::new(text.to_owned()) else {
                continue;
            };
            // A name that was there before stays an error: whose password is it?
            if check_user_name(&name).is_ok() && self.place(&name) == Some(index) {
                self.lines[index] = Line::User(name.clone(), hash(&password)?);
                names.push(name);
            }
        }
        self.index();
        Ok(names)
    }

    /// Which hashes are easily guessed from, in words for a warning.
    pub fn weak_hashes(&self) -> Option<String> {
        let weak: Vec<String> = self
            .entries()
            .filter_map(|(name, hash)| Some(format!("{name:?} ({})", hash.weakness()?)))
            .collect();
        let more = match weak.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let named = weak[..weak.len().min(NAMED)].join(", ");
        (!weak.is_empty()).then(|| {
            format!(
                "whoever gets hold of this file guesses passwords quickly, because of weak hashes of {named}{more}; \
                 `mqtt-broker passwd FILE NAME` sets a password anew"
            )
        })
    }

    /// Notes where everybody is.
    fn index(&mut self) {
        self.users.clear();
        for (index, line) in self.lines.iter().enumerate() {
            if let Line::User(name, _) = line {
                self.users.insert(name.clone(), index);
            }
        }
        self.choose_decoy();
    }

    /// The decoy costs what most hashes cost; of two costs that are as frequent, the higher one.
    fn choose_decoy(&mut self) {
        let mut users: HashMap<_, (usize, &PasswordHash)> = HashMap::new();
        for (_, hash) in self.entries() {
            users.entry(hash.scheme()).or_insert((0, hash)).0 += 1;
        }
        let typical = users
            .into_values()
            .max_by_key(|(count, hash)| (*count, hash.scheme().cost()));
        self.decoy = typical.map_or_else(PasswordHash::default_decoy, |(_, hash)| hash.decoy());
    }
}

impl fmt::Display for PasswordFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| match line {
            Line::Other(text) | Line::Unusable { line: text, .. } => writeln!(f, "{text}"),
            Line::User(name, hash) => writeln!(f, "{name}:{hash}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::super::Algorithm;
    use super::*;

    const TEXT: &str =
        "# people\n\nfred:$6$dHdlbHZlIGJ5dGVz$@@\n# jane is new\njane:$6$dHdlbHZlIGJ5dGVz$@@\n";

    fn hash(password: &str) -> PasswordHash {
        let password = Password::new(password.to_owned()).unwrap();
        PasswordHash::new(&password, NonZeroU32::new(2).unwrap()).unwrap()
    }

    fn text() -> String {
        TEXT.replace("@@", &format!("{}==", "A".repeat(86)))
    }

    #[test]
    fn comments_and_order_survive() {
        let file = PasswordFile::parse(&text()).unwrap();
        assert_eq!(file.to_string(), text());
        assert_eq!(file.names().collect::<Vec<_>>(), ["fred", "jane"]);
    }

    #[test]
    fn set_replaces_in_place_or_appends_and_remove_leaves_the_rest() {
        let mut file = PasswordFile::parse(&text()).unwrap();
        file.set("fred", hash("one")).unwrap();
        file.set("ada", hash("two")).unwrap();
        assert_eq!(file.names().collect::<Vec<_>>(), ["fred", "jane", "ada"]);
        assert!(file.authenticate("fred", b"one") && file.authenticate("ada", b"two"));
        assert!(file.remove("fred") && !file.remove("fred"));
        assert!(file.authenticate("ada", b"two") && !file.authenticate("fred", b"one"));
        assert!(
            file.to_string()
                .starts_with("# people\n\n# jane is new\njane:")
        );
    }

    #[test]
    fn all_wrong_lines_are_found_with_their_numbers() {
        let good = hash("x");
        let text =
            format!("fred:{good}\noops\n:x\njane:\nfred:{good}\nada:secret\r\nbob:{good}\r\n");
        let (file, errors) = PasswordFile::read(&text);
        let errors: Vec<_> = errors.iter().map(|e| format!("{}: {e}", e.line)).collect();
        insta::assert_snapshot!(errors.join("\n"), @r#"
        2: expected NAME:HASH, found no ':'
        3: a user name has at least one character
        4: user "jane" has no password; delete the line, or set one
        5: user "fred" is already on line 1
        6: the password of user "ada" is not a hash: expected $7$…, $6$… or $argon2id$…; `mqtt-broker passwd -U FILE` hashes a file of clear-text passwords
        "#);
        assert_eq!(file.names().collect::<Vec<_>>(), ["fred", "bob"]);
        assert_eq!(PasswordFile::parse(&text).unwrap_err().line, 2);
    }

    #[test]
    fn an_unknown_user_is_checked_against_the_most_frequent_hash_or_the_more_costly_of_two() {
        let mut file = PasswordFile::default();
        assert!(!file.authenticate("nobody", b"x"));
        let password = Password::new("x".to_owned()).unwrap();
        for iterations in [3, 9, 4] {
            let hash = PasswordHash::new(&password, NonZeroU32::new(iterations).unwrap()).unwrap();
            file.set(&format!("user{iterations}"), hash).unwrap();
        }
        assert_eq!(file.decoy.iterations().get(), 9);
        assert!(!file.authenticate("nobody", b"x"));
        file.set(
            "user3b",
            PasswordHash::new(&password, NonZeroU32::new(3).unwrap()).unwrap(),
        )
        .unwrap();
        assert_eq!(file.decoy.iterations().get(), 3);
        file.remove("user3b");
        file.set(
            "user9",
            PasswordHash::with(&password, Algorithm::Argon2id).unwrap(),
        )
        .unwrap();
        assert_eq!(file.decoy.iterations().get(), 2, "argon2id's passes");
        assert!(!file.authenticate("nobody", b"x"));
    }

    #[test]
    fn clear_text_is_hashed_once_and_everything_else_kept() {
        let good = hash("x");
        let salt = "x".repeat(43);
        let text = format!(
            "# people\nfred: flint:stone \nhashed:{good}\nfred:again\nempty:\nnewer:$5$x{salt}\nbob:$ecr$et\n#:x\noops\n"
        );
        let (mut file, _) = PasswordFile::read(&text);
        let mut make = |password: &Password| Ok(hash(password.expose()));
        assert_eq!(file.hash_clear_text(&mut make).unwrap(), ["fred", "bob"]);
        assert!(file.authenticate("fred", b"flint:stone") && file.authenticate("hashed", b"x"));
        assert!(
            file.authenticate("bob", b"$ecr$et"),
            "it only looks like one"
        );
        let after = file.to_string();
        assert_eq!(file.hash_clear_text(&mut make), Ok(Vec::new()));
        assert_eq!(file.to_string(), after);
        let kept: Vec<_> = after
            .lines()
            .filter(|line| !line.starts_with("fred:$7$") && !line.starts_with("bob:$7$"))
            .collect();
        let expected: Vec<_> = text
            .lines()
            .filter(|line| !line.contains("flint") && !line.contains("$ecr$"))
            .collect();
        assert_eq!(kept, expected);
    }

    #[test]
    fn a_line_that_lets_nobody_in_is_replaced_and_removed_by_its_name() {
        let good = hash("old");
        let text = format!("fred : clear\njane:{good}\nfred:$9$x$y\njane:{good}\n");
        let (mut file, errors) = PasswordFile::read(&text);
        assert_eq!(errors.len(), 3);
        assert!(file.contains("fred") && file.lookup("fred").is_none());
        file.set("fred", hash("new")).unwrap();
        assert!(file.authenticate("fred", b"new") && file.authenticate("jane", b"old"));
        assert!(file.remove("jane") && !file.contains("jane"));
        assert_eq!(file.to_string().lines().count(), 1);
        assert!(file.to_string().starts_with("fred:$7$2$"));
    }

    #[test]
    fn weak_hashes_are_named_up_to_ten() {
        let mut file = PasswordFile::parse(&text()).unwrap();
        insta::assert_snapshot!(file.weak_hashes().unwrap(), @r#"whoever gets hold of this file guesses passwords quickly, because of weak hashes of "fred" ($6$), "jane" ($6$); `mqtt-broker passwd FILE NAME` sets a password anew"#);
        for number in 0..12 {
            file.set(&format!("u{number}"), hash("x")).unwrap();
        }
        let warning = file.weak_hashes().unwrap();
        assert!(
            warning.contains("\"u7\" ($7$ with 2 iterations) and 4 more;"),
            "{warning}"
        );
        let password = Password::new("x".to_owned()).unwrap();
        let mut strong = PasswordFile::default();
        strong
            .set(
                "ada",
                PasswordHash::with(&password, Algorithm::Argon2id).unwrap(),
            )
            .unwrap();
        assert_eq!(strong.weak_hashes(), None);
    }

    #[test]
    fn a_name_that_would_not_read_back_is_refused() {
        for name in ["", "a:b", "a\nb", "#a", " a", "a "] {
            assert!(
                PasswordFile::default().set(name, hash("x")).is_err(),
                "{name:?}"
            );
        }
        assert!(
            PasswordFile::default()
                .set("Jane Doe #1", hash("x"))
                .is_ok()
        );
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "([a-z#]{0,2}:(\\$[67])?[$A-Za-z0-9=]{0,9}\n){0,4}|.*") {
            let (file, _) = PasswordFile::read(&text);
            let again = PasswordFile::read(&file.to_string()).0;
            proptest::prop_assert_eq!(again.to_string(), file.to_string());
        }
    }
}

//! The user that Raspberry Pi OS ships to be replaced by the owner's.

use super::user::AccountFiles;

impl AccountFiles {
    /// Takes away the user whose number is `id`, with its group and memberships, if nobody can log in
    /// as that user: the password is locked and there is no shell, as in Raspberry Pi OS' `pi` (pi-gen,
    /// since 2026-02). A real user stays, and [`add`](Self::add) will say that the number is taken.
    pub fn take_placeholder(&mut self, id: u32) {
        let number = id.to_string();
        let Some(row) = self.passwd.rows().find(|fields| fields[2] == number) else {
            return;
        };
        let (name, shell) = (row[0].clone(), row[6].clone());
        let has_shell = !shell.ends_with("/nologin") && !shell.ends_with("/false");
        let password = self
            .shadow
            .find(&name)
            .map_or("!", |fields| fields[1].as_str());
        if has_shell || !password.starts_with(['!', '*']) {
            return;
        }
        for table in [&mut self.passwd, &mut self.shadow, &mut self.group] {
            table.remove(&name);
        }
        self.group.remove_member(&name);
        let optional = [&mut self.gshadow, &mut self.subuid, &mut self.subgid];
        for table in optional.into_iter().flatten() {
            table.remove(&name);
        }
        if let Some(gshadow) = &mut self.gshadow {
            gshadow.remove_member(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::accounts::{AccountError, AccountFile, AccountFiles};

    fn files(shell: &str, password: &str) -> AccountFiles {
        AccountFiles::parse(|file| {
            Ok::<_, AccountError>(Some(match file {
                AccountFile::Passwd => {
                    format!("root:x:0:0:root:/root:/bin/bash\npi:x:1000:1000::/home/pi:{shell}\n")
                }
                AccountFile::Shadow => {
                    format!("root:*:1:0:99999:7:::\npi:{password}:1:0:99999:7:::\n")
                }
                AccountFile::Group => "root:x:0:\nsudo:x:27:ann,pi,bob\npi:x:1000:\n".to_owned(),
                AccountFile::Gshadow => "root:*::\nsudo:*::pi\npi:!::\n".to_owned(),
                AccountFile::Subuid | AccountFile::Subgid => "pi:100000:65536\n".to_owned(),
            }))
        })
        .unwrap()
    }

    #[test]
    fn a_placeholder_goes_with_its_group_and_memberships() {
        let mut files = files("/usr/sbin/nologin", "!");
        files.take_placeholder(1000);
        let texts: Vec<_> = files.render().into_iter().map(|(_, text)| text).collect();
        assert!(texts.iter().all(|text| !text.contains("pi")), "{texts:#?}");
        assert!(texts[2].contains("sudo:x:27:ann,bob\n"), "{}", texts[2]);
    }

    #[test]
    fn somebody_who_can_log_in_stays() {
        for (shell, password) in [("/bin/bash", "!"), ("/usr/sbin/nologin", "$6$a$b")] {
            let before = files(shell, password);
            let mut after = before.clone();
            after.take_placeholder(1000);
            assert_eq!(before, after);
        }
    }
}

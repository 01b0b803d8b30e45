//! Topic aliases: numbers that stand for topic names within one connection (section 3.3.2.3.4 of version 5).

use std::collections::HashMap;

use super::machine::Violation;
use crate::codec::{Publish, Text, TopicForm};

/// The aliases that a client has set.
#[derive(Debug, Default)]
pub struct IncomingAliases {
    /// By alias, counted from 1; grown as they are set.
    names: Vec<Option<Text>>,
}

impl IncomingAliases {
    /// Puts the topic name into a message that has only its alias, and remembers a new one.
    ///
    /// # Errors
    ///
    /// The alias is larger than `limit`, or stands for nothing.
    pub fn resolve(&mut self, publish: &mut Publish, limit: u16) -> Result<(), Violation> {
        let Some(alias) = publish.properties.alias.take() else {
            return Ok(());
        };
        // [MQTT-3.3.2-9]
        if alias == 0 || alias > limit {
            return Err(Violation::TopicAlias(alias));
        }
        let index = usize::from(alias - 1);
        if !publish.topic.is_empty() {
            if self.names.len() <= index {
                self.names.resize(index + 1, None);
            }
            self.names[index] = Some(publish.topic.detach());
            return Ok(());
        }
        let name = self.names.get(index).cloned().flatten();
        publish.topic = name.ok_or(Violation::UnknownTopicAlias(alias))?;
        Ok(())
    }
}

/// The aliases that were set for a client: one for each of its first topics.
#[derive(Debug, Default)]
pub struct OutgoingAliases {
    names: HashMap<Text, u16>,
}

impl OutgoingAliases {
    /// How a topic is to be written, when the client takes up to `limit` aliases and does not see the first
    /// `skip` bytes of its name.
    pub fn form(&mut self, topic: &Text, skip: usize, limit: u16) -> TopicForm {
        if let Some(alias) = self.names.get(topic) {
            return TopicForm::Alias(*alias);
        }
        let next = u16::try_from(self.names.len() + 1).unwrap_or(u16::MAX);
        if next > limit {
            return TopicForm::Name { skip };
        }
        self.names.insert(topic.detach(), next);
        TopicForm::NameWithAlias { skip, alias: next }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::codec::{MessageProperties, QoS};

    fn publish(topic: &str, alias: Option<u16>) -> Publish {
        Publish {
            dup: false,
            qos: QoS::AtMostOnce,
            retain: false,
            topic: Text::new(topic).unwrap(),
            id: None,
            payload: Bytes::new(),
            properties: MessageProperties {
                alias,
                ..MessageProperties::default()
            },
        }
    }

    fn resolved(
        aliases: &mut IncomingAliases,
        topic: &str,
        alias: u16,
    ) -> Result<String, Violation> {
        let mut publish = publish(topic, Some(alias));
        aliases.resolve(&mut publish, 3)?;
        Ok(publish.topic.to_string())
    }

    #[test]
    fn an_alias_stands_for_the_name_it_was_set_to_last() {
        let mut aliases = IncomingAliases::default();
        assert_eq!(resolved(&mut aliases, "a", 2), Ok("a".to_owned()));
        assert_eq!(resolved(&mut aliases, "", 2), Ok("a".to_owned()));
        assert_eq!(resolved(&mut aliases, "b", 2), Ok("b".to_owned()));
        assert_eq!(resolved(&mut aliases, "", 2), Ok("b".to_owned()));
        assert_eq!(
            resolved(&mut aliases, "", 1),
            Err(Violation::UnknownTopicAlias(1)),
            "never set"
        );
        assert_eq!(
            resolved(&mut aliases, "c", 4),
            Err(Violation::TopicAlias(4)),
            "too large"
        );
    }

    #[test]
    fn only_the_first_topics_get_aliases() {
        let mut aliases = OutgoingAliases::default();
        let [a, b] = ["a", "b"].map(|name| Text::new(name).unwrap());
        assert_eq!(
            aliases.form(&a, 0, 1),
            TopicForm::NameWithAlias { skip: 0, alias: 1 }
        );
        assert_eq!(aliases.form(&a, 0, 1), TopicForm::Alias(1));
        assert_eq!(aliases.form(&b, 0, 1), TopicForm::Name { skip: 0 });
        assert_eq!(
            OutgoingAliases::default().form(&a, 0, 0),
            TopicForm::Name { skip: 0 }
        );
    }
}

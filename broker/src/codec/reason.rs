//! The reason codes of version 5 (section 2.4), which stand for the return codes of older versions as well.

use std::fmt;

use super::packet::QoS;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)*) => {
        /// How something ended: below 0x80 well, from there on not.
        ///
        /// Versions before 5 have few codes of their own; see [`connect_code`](Self::connect_code) and
        /// [`sub_ack_code`](Self::sub_ack_code).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Reason {
            $($(#[$doc])* $name = $code,)*
        }

        impl Reason {
            /// Every reason there is.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The reason that a byte stands for, if any.
            pub const fn from_byte(byte: u8) -> Option<Self> {
                match byte {
                    $($code => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// What the log and reason strings say of it.
            const fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

reasons! {
    /// Success, normal disconnection, or granted with quality of service 0.
    Success = 0x00, "success";
    /// Granted with quality of service 1.
    GrantedQoS1 = 0x01, "granted QoS 1";
    /// Granted with quality of service 2.
    GrantedQoS2 = 0x02, "granted QoS 2";
    /// A client goes, and wants its will published.
    DisconnectWithWill = 0x04, "disconnect with will message";
    /// Nobody has subscribed to the message.
    NoMatchingSubscribers = 0x10, "no matching subscribers";
    /// There was no subscription to give up.
    NoSubscriptionExisted = 0x11, "no subscription existed";
    /// The authentication goes on.
    ContinueAuthentication = 0x18, "continue authentication";
    /// A client wants to be authenticated again.
    ReAuthenticate = 0x19, "re-authenticate";
    /// None of the others, or nobody is to know.
    Unspecified = 0x80, "unspecified error";
    /// The bytes are no packet.
    MalformedPacket = 0x81, "malformed packet";
    /// The packet must not come here, or not like this.
    ProtocolError = 0x82, "protocol error";
    /// The packet is in order, but this broker does not do it.
    ImplementationSpecific = 0x83, "implementation specific error";
    /// The version is not spoken.
    UnsupportedProtocolVersion = 0x84, "unsupported protocol version";
    /// The client identifier is not allowed.
    ClientIdentifierNotValid = 0x85, "client identifier not valid";
    /// User name or password are wrong.
    BadUserNameOrPassword = 0x86, "bad user name or password";
    /// The client may not do this.
    NotAuthorized = 0x87, "not authorized";
    /// The broker can't serve.
    ServerUnavailable = 0x88, "server unavailable";
    /// The broker can't serve at the moment.
    ServerBusy = 0x89, "server busy";
    /// The client has been banned.
    Banned = 0x8A, "banned";
    /// The broker ends.
    ServerShuttingDown = 0x8B, "server shutting down";
    /// The authentication method is not known.
    BadAuthenticationMethod = 0x8C, "bad authentication method";
    /// No packet came for too long.
    KeepAliveTimeout = 0x8D, "keep alive timeout";
    /// Another connection came with the same client identifier.
    SessionTakenOver = 0x8E, "session taken over";
    /// The topic filter is well-formed but not taken here.
    TopicFilterInvalid = 0x8F, "topic filter invalid";
    /// The topic name is well-formed but not taken here.
    TopicNameInvalid = 0x90, "topic name invalid";
    /// The packet identifier is in use.
    PacketIdentifierInUse = 0x91, "packet identifier in use";
    /// The packet identifier is not known.
    PacketIdentifierNotFound = 0x92, "packet identifier not found";
    /// More is in flight than was allowed.
    ReceiveMaximumExceeded = 0x93, "receive maximum exceeded";
    /// The topic alias is 0, larger than allowed, or was never set.
    TopicAliasInvalid = 0x94, "topic alias invalid";
    /// The packet is larger than allowed.
    PacketTooLarge = 0x95, "packet too large";
    /// Too many messages in too short a time.
    MessageRateTooHigh = 0x96, "message rate too high";
    /// A limit was reached.
    QuotaExceeded = 0x97, "quota exceeded";
    /// Whoever runs the broker ended the connection.
    AdministrativeAction = 0x98, "administrative action";
    /// The payload is not what its format indicator says.
    PayloadFormatInvalid = 0x99, "payload format invalid";
    /// No messages are retained here.
    RetainNotSupported = 0x9A, "retain not supported";
    /// The quality of service is not served here.
    QoSNotSupported = 0x9B, "QoS not supported";
    /// Another broker is to be used for now.
    UseAnotherServer = 0x9C, "use another server";
    /// The broker has moved for good.
    ServerMoved = 0x9D, "server moved";
    /// There are no shared subscriptions here.
    SharedSubscriptionsNotSupported = 0x9E, "shared subscriptions not supported";
    /// Connections came too fast.
    ConnectionRateExceeded = 0x9F, "connection rate exceeded";
    /// The longest time for a connection is over.
    MaximumConnectTime = 0xA0, "maximum connect time";
    /// There are no subscription identifiers here.
    SubscriptionIdentifiersNotSupported = 0xA1, "subscription identifiers not supported";
    /// There are no wildcards here.
    WildcardSubscriptionsNotSupported = 0xA2, "wildcard subscriptions not supported";
}

impl Reason {
    /// The byte of version 5.
    pub const fn byte(self) -> u8 {
        self as u8
    }

    /// Whether something went wrong.
    pub const fn is_error(self) -> bool {
        self.byte() >= 0x80
    }

    /// The answer that grants a subscription.
    pub const fn granted(qos: QoS) -> Self {
        match qos {
            QoS::AtMostOnce => Self::Success,
            QoS::AtLeastOnce => Self::GrantedQoS1,
            QoS::ExactlyOnce => Self::GrantedQoS2,
        }
    }

    /// The return code of a CONNACK before version 5 (table 3.1 of 3.1.1) that comes closest.
    pub const fn connect_code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::UnsupportedProtocolVersion => 1,
            Self::ClientIdentifierNotValid => 2,
            Self::BadUserNameOrPassword => 4,
            Self::NotAuthorized | Self::Banned | Self::BadAuthenticationMethod => 5,
            _ => 3,
        }
    }

    /// The reason that a return code of a CONNACK before version 5 stands for, if any.
    pub const fn from_connect_code(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::Success,
            1 => Self::UnsupportedProtocolVersion,
            2 => Self::ClientIdentifierNotValid,
            3 => Self::ServerUnavailable,
            4 => Self::BadUserNameOrPassword,
            5 => Self::NotAuthorized,
            _ => return None,
        })
    }

    /// The return code of a SUBACK before version 5: the quality of service, or 0x80.
    pub const fn sub_ack_code(self) -> u8 {
        if self.is_error() { 0x80 } else { self.byte() }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_found_by_its_byte() {
        for reason in Reason::ALL {
            assert_eq!(Reason::from_byte(reason.byte()), Some(*reason));
        }
        assert_eq!(Reason::from_byte(0x03), None);
    }

    #[test]
    fn the_codes_of_older_versions_come_back_as_they_went() {
        for code in 0..=5 {
            let reason = Reason::from_connect_code(code).unwrap();
            assert_eq!(reason.connect_code(), code);
        }
        assert_eq!(Reason::NotAuthorized.sub_ack_code(), 0x80);
        assert_eq!(Reason::granted(QoS::ExactlyOnce).sub_ack_code(), 2);
    }
}

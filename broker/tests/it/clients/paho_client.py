"""Everything that paho can do: PORT VERSION CAFILE PREFIX, CAFILE - without TLS. Prints a line "feature<tab>ok" each."""
import queue
import ssl
import sys

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

PORT, VERSION, CA, PREFIX = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
PROTOCOL = {"3.1": mqtt.MQTTv31, "3.1.1": mqtt.MQTTv311, "5": mqtt.MQTTv5}[VERSION]
FIVE = VERSION == "5"
PATIENCE = 30


class Heard:
    """A client and what it hears."""

    def __init__(self, name, clean=True, expiry=None, will=None, **connect):
        more = {} if FIVE else {"clean_session": clean}
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, PREFIX + name, protocol=PROTOCOL, **more)
        self.messages, self.answers = queue.Queue(), queue.Queue()
        self.client.on_connect = lambda c, d, flags, code, p: self.answers.put((flags.session_present, code, p))
        self.client.on_subscribe = lambda c, d, mid, codes, p: self.answers.put(codes)
        self.client.on_unsubscribe = lambda c, d, mid, codes, p: self.answers.put(codes)
        self.client.on_message = lambda c, d, message: self.messages.put(message)
        if CA != "-":
            self.client.tls_set(CA, tls_version=ssl.PROTOCOL_TLS_CLIENT)
        if will:
            self.client.will_set(*will)
        if FIVE:
            connect["clean_start"] = clean
            if expiry:
                connect["properties"] = properties(PacketTypes.CONNECT, SessionExpiryInterval=expiry)
        self.client.connect("localhost", PORT, 60, **connect)
        self.client.loop_start()
        self.present, code, self.properties = self.answers.get(timeout=PATIENCE)
        same(code.is_failure, False)

    def subscribe(self, filter, qos=0, **more):
        self.client.subscribe(filter, qos, **more)
        return self.answers.get(timeout=PATIENCE)

    def publish(self, topic, payload, qos=0, retain=False, properties=None):
        sent = self.client.publish(topic, payload, qos, retain, properties)
        sent.wait_for_publish(PATIENCE)

    def hears(self, topic, payload, qos=0, retain=False):
        message = self.messages.get(timeout=PATIENCE)
        same((message.topic, message.payload.decode(), message.qos, message.retain), (topic, payload, qos, retain))
        return message

    def leaves(self):
        self.client.disconnect()
        self.client.loop_stop()


def same(found, expected):
    if found != expected:
        raise AssertionError(f"{found} instead of {expected}")


def properties(kind, **values):
    made = Properties(kind)
    for name, value in values.items():
        setattr(made, name, value)
    return made


def connect(topic):
    Heard("connect").leaves()


def quality(qos):
    def feature(topic):
        client = Heard(f"q{qos}")
        same([code.value for code in client.subscribe(topic, qos)], [qos])
        client.publish(topic, "x", qos)
        client.hears(topic, "x", qos)
        client.leaves()

    return feature


def retain(topic):
    client = Heard("retain")
    client.publish(topic, "kept", 1, True)
    client.subscribe(topic, 1)
    client.hears(topic, "kept", 1, True)
    client.publish(topic, "", 1, True)
    client.hears(topic, "", 1, False)
    client.leaves()


def will(topic):
    heir = Heard("heir")
    heir.subscribe(topic, 1)
    mortal = Heard("mortal", will=(topic, "gone", 1, False))
    mortal.client.loop_stop()
    mortal.client.socket().close()
    heir.hears(topic, "gone", 1)
    heir.leaves()


def persistent(topic, expiry=3600 if FIVE else None, name="persistent"):
    client = Heard(name, clean=False, expiry=expiry)
    same(client.present, False)
    client.subscribe(topic, 1)
    client.leaves()
    other = Heard("other")
    other.publish(topic, "waits", 1)
    other.leaves()
    client = Heard(name, clean=False, expiry=expiry)
    # Version 3.1 has no such flag.
    same(client.present, VERSION != "3.1")
    client.hears(topic, "waits", 1)
    client.leaves()


def wildcard(topic):
    client = Heard("wildcard")
    client.subscribe(topic + "/+/b/#")
    client.publish(topic + "/a/c", "wrong")
    client.publish(topic + "/a/b", "right")
    client.publish(topic + "/a/b/c/d", "right too")
    client.hears(topic + "/a/b", "right")
    client.hears(topic + "/a/b/c/d", "right too")
    client.leaves()


def user_properties(topic):
    client = Heard("user")
    client.subscribe(topic)
    pairs = [("b", "1"), ("a", "2"), ("b", "1")]
    client.publish(topic, "x", properties=properties(PacketTypes.PUBLISH, UserProperty=pairs, ContentType="text/plain"))
    message = client.hears(topic, "x")
    same((message.properties.UserProperty, message.properties.ContentType), (pairs, "text/plain"))
    client.leaves()


def message_expiry(topic):
    client = Heard("expiry")
    client.publish(topic, "kept", 1, True, properties(PacketTypes.PUBLISH, MessageExpiryInterval=100))
    client.subscribe(topic)
    left = client.hears(topic, "kept", 0, True).properties.MessageExpiryInterval
    same(0 < left <= 100, True)
    client.leaves()


def request_response(topic):
    server, client = Heard("server"), Heard("client")
    server.subscribe(topic)
    client.subscribe(topic + "/answer")
    asked = properties(PacketTypes.PUBLISH, ResponseTopic=topic + "/answer", CorrelationData=b"7")
    client.publish(topic, "question", properties=asked)
    question = server.hears(topic, "question").properties
    server.publish(question.ResponseTopic, "answer", properties=properties(PacketTypes.PUBLISH, CorrelationData=question.CorrelationData))
    same(client.hears(topic + "/answer", "answer").properties.CorrelationData, b"7")
    server.leaves()
    client.leaves()


def shared(topic):
    members = [Heard("member1"), Heard("member2")]
    for member in members:
        member.subscribe("$share/group/" + topic, 1)
    publisher = Heard("publisher")
    for number in range(10):
        publisher.publish(topic, str(number), 1)
    heard = []
    for member in members:
        member.client.subscribe(topic + "/barrier")
        member.answers.get(timeout=PATIENCE)
        publisher.publish(topic + "/barrier", "end", 1)
        while (message := member.messages.get(timeout=PATIENCE)).payload != b"end":
            heard.append(int(message.payload))
        member.client.unsubscribe(topic + "/barrier")
        member.answers.get(timeout=PATIENCE)
    same(sorted(heard), list(range(10)))
    for client in members + [publisher]:
        client.leaves()


def no_local(topic):
    client, other = Heard("nolocal"), Heard("nolocalother")
    client.subscribe(topic, options=SubscribeOptions(qos=1, noLocal=True))
    client.publish(topic, "own", 1)
    other.publish(topic, "other's", 1)
    client.hears(topic, "other's", 1)
    client.leaves()
    other.leaves()


def subscription_identifiers(topic):
    client = Heard("identifiers")
    client.subscribe(topic, properties=properties(PacketTypes.SUBSCRIBE, SubscriptionIdentifier=200))
    client.publish(topic, "x")
    same(client.hears(topic, "x").properties.SubscriptionIdentifier, [200])
    client.leaves()


def topic_alias(topic):
    client = Heard("alias")
    same(client.properties.TopicAliasMaximum > 0, True)
    client.subscribe(topic)
    for name in (topic, ""):
        client.publish(name, "x", properties=properties(PacketTypes.PUBLISH, TopicAlias=1))
        client.hears(topic, "x")
    client.leaves()


def session_expiry(topic):
    persistent(topic, 100, "expires")
    client = Heard("ends", clean=False, expiry=None)
    client.leaves()
    client = Heard("ends", clean=False, expiry=None)
    same(client.present, False)
    client.leaves()


FEATURES = {
    "connect": connect,
    "quality of service 0": quality(0),
    "quality of service 1": quality(1),
    "quality of service 2": quality(2),
    "retain": retain,
    "will": will,
    "persistent session": persistent,
    "wildcards": wildcard,
}
if FIVE:
    FEATURES |= {
        "user properties": user_properties,
        "message expiry": message_expiry,
        "request and response": request_response,
        "shared subscription": shared,
        "no local": no_local,
        "subscription identifiers": subscription_identifiers,
        "topic alias": topic_alias,
        "session expiry": session_expiry,
    }
for name, feature in FEATURES.items():
    try:
        feature(PREFIX + name.replace(" ", ""))
        print(name, "ok", sep="\t", flush=True)
    except Exception as error:  # Whatever it is, it belongs into the table.
        print(name, f"failed: {type(error).__name__} {error}", sep="\t", flush=True)

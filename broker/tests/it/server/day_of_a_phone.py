"""A day of a phone, as paho plays it: argument 1 is the broker's port. Ends with 1 and says what went wrong."""
import queue
import sys

import paho.mqtt.client as mqtt

PORT = int(sys.argv[1])


def client(name, clean=True, will=None):
    """A client that is connected, with its messages in a queue."""
    # Version 2 of paho wants to be told which kind of callbacks it is given.
    version = [mqtt.CallbackAPIVersion.VERSION1] if hasattr(mqtt, "CallbackAPIVersion") else []
    made = mqtt.Client(*version, client_id=name, clean_session=clean, protocol=mqtt.MQTTv311)
    made.heard, made.ready = queue.Queue(), queue.Queue()
    made.on_connect = lambda me, data, flags, code: me.ready.put((code, flags["session present"]))
    made.on_subscribe = lambda me, data, mid, granted: me.ready.put(granted)
    made.on_message = lambda me, data, message: me.heard.put(
        (message.topic, message.payload.decode(), message.qos, message.retain)
    )
    if will:
        made.will_set(*will)
    made.connect("127.0.0.1", PORT, keepalive=60)
    made.loop_start()
    code, made.present = made.ready.get(timeout=30)
    assert code == 0, f"{name} was refused: {code}"
    return made


def subscribe(who, filter, qos):
    who.subscribe(filter, qos)
    granted = who.ready.get(timeout=30)
    assert granted[0] == qos, f"granted {granted}"


def hears(who, *expected):
    heard = who.heard.get(timeout=30)
    assert heard == expected, f"heard {heard} instead of {expected}"


def gone(who):
    who.disconnect()
    who.loop_stop()


family = client("family", clean=False)
subscribe(family, "owntracks/+/+", 2)
phone = client("phone", will=("owntracks/jane/5s", "lost", 1, False))
for qos in (0, 1, 2):
    phone.publish("owntracks/jane/5s", f"at {qos}", qos=qos).wait_for_publish(30)
    hears(family, "owntracks/jane/5s", f"at {qos}", qos, False)
phone.publish("owntracks/jane/5s", "home", qos=1, retain=True).wait_for_publish(30)
hears(family, "owntracks/jane/5s", "home", 1, False)

# Away, and back: what came meanwhile is there, in order for each quality of service (MQTT 3.1.1 section 4.6).
gone(family)
for number in range(20):
    phone.publish("owntracks/jane/5s", f"step {number}", qos=1 + number % 2).wait_for_publish(30)
family = client("family", clean=False)
assert family.present, "the session is gone"
came = [family.heard.get(timeout=30) for _ in range(20)]
for qos in (1, 2):
    steps = [payload for _, payload, its, _ in came if its == qos]
    assert steps == [f"step {number}" for number in range(qos - 1, 20, 2)], f"at {qos} came {steps}"

# Somebody new gets what was retained; a phone that is lost leaves its will.
friend = client("friend")
subscribe(friend, "owntracks/jane/#", 1)
hears(friend, "owntracks/jane/5s", "home", 1, True)
phone.loop_stop()
phone.socket().close()
hears(friend, "owntracks/jane/5s", "lost", 1, False)
gone(friend)
gone(family)
print("all heard")

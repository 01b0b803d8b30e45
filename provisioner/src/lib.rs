//! Turns a set of people and phones into a private MQTT broker on a Raspberry Pi.

//! An MQTT broker for a private home, with mosquitto's configuration language, files and command line.

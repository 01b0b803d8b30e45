//! `mqtt-broker`: the server that runs on the Pi.

fn main() {}

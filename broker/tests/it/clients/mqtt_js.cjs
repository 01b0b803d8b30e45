// Everything that MQTT.js can do: PORT VERSION CAFILE PREFIX FOLDER, CAFILE - without TLS, FOLDER where it is installed.
// Prints a line "feature<tab>ok" each.
const fs = require("fs");
const [port, version, ca, prefix, folder] = process.argv.slice(2);
const mqtt = require(folder + "/node_modules/mqtt");
const five = version === "5";
const protocol = {
  "3.1": { protocolId: "MQIsdp", protocolVersion: 3 },
  "3.1.1": { protocolId: "MQTT", protocolVersion: 4 },
  5: { protocolId: "MQTT", protocolVersion: 5 },
}[version];

function same(found, expected) {
  if (JSON.stringify(found) !== JSON.stringify(expected)) {
    throw new Error(`${JSON.stringify(found)} instead of ${JSON.stringify(expected)}`);
  }
}

const open = new Set();

// A client that is connected, with what it hears in a queue.
async function client(name, options = {}) {
  const url = `${ca === "-" ? "mqtt" : "mqtts"}://localhost:${port}`;
  const more = ca === "-" ? {} : { ca: fs.readFileSync(ca) };
  const made = mqtt.connect(url, { ...protocol, ...more, clientId: prefix + name, reconnectPeriod: 0, ...options });
  open.add(made);
  const heard = [];
  const waiting = [];
  made.on("message", (topic, payload, packet) => {
    const message = { told: [topic, payload.toString(), packet.qos, packet.retain], properties: packet.properties };
    const next = waiting.shift();
    next ? next(message) : heard.push(message);
  });
  made.on("error", () => {});
  made.connack = await new Promise((done, fail) => {
    made.once("connect", done);
    made.once("error", fail);
  });
  made.next = async () => heard.shift() ?? new Promise((done) => waiting.push(done));
  made.hears = async (topic, payload, qos = 0, retain = false) => {
    const message = await made.next();
    same(message.told, [topic, payload, qos, retain]);
    return message;
  };
  return made;
}

async function quality(topic, qos) {
  const one = await client(`q${qos}`);
  const granted = await one.subscribeAsync(topic, { qos });
  same(granted.map((grant) => grant.qos), [qos]);
  await one.publishAsync(topic, "x", { qos });
  await one.hears(topic, "x", qos);
}

async function persistent(topic, expiry = 3600, name = "persistent") {
  const options = { clean: false, ...(five ? { properties: { sessionExpiryInterval: expiry } } : {}) };
  let one = await client(name, options);
  same(one.connack.sessionPresent, false);
  await one.subscribeAsync(topic, { qos: 1 });
  await one.endAsync();
  const other = await client("other");
  await other.publishAsync(topic, "waits", { qos: 1 });
  one = await client(name, options);
  // Version 3.1 has no such flag.
  same(one.connack.sessionPresent, version !== "3.1");
  await one.hears(topic, "waits", 1);
  await one.endAsync();
}

const features = {
  connect: async () => (await client("connect")).endAsync(),
  "quality of service 0": (topic) => quality(topic, 0),
  "quality of service 1": (topic) => quality(topic, 1),
  "quality of service 2": (topic) => quality(topic, 2),
  retain: async (topic) => {
    const one = await client("retain");
    await one.publishAsync(topic, "kept", { qos: 1, retain: true });
    await one.subscribeAsync(topic, { qos: 1 });
    await one.hears(topic, "kept", 1, true);
    await one.publishAsync(topic, "", { qos: 1, retain: true });
    await one.hears(topic, "", 1, false);
  },
  will: async (topic) => {
    const heir = await client("heir");
    await heir.subscribeAsync(topic, { qos: 1 });
    const mortal = await client("mortal", { will: { topic, payload: Buffer.from("gone"), qos: 1, retain: false } });
    mortal.stream.destroy();
    await heir.hears(topic, "gone", 1);
  },
  "persistent session": (topic) => persistent(topic),
  wildcards: async (topic) => {
    const one = await client("wildcard");
    await one.subscribeAsync(topic + "/+/b/#");
    for (const [name, payload] of [["/a/c", "wrong"], ["/a/b", "right"], ["/a/b/c/d", "right too"]]) {
      await one.publishAsync(topic + name, payload);
    }
    await one.hears(topic + "/a/b", "right");
    await one.hears(topic + "/a/b/c/d", "right too");
  },
};

const featuresOfFive = {
  "user properties": async (topic) => {
    const one = await client("user");
    await one.subscribeAsync(topic);
    const userProperties = { b: ["1", "2"], a: "3" };
    await one.publishAsync(topic, "x", { properties: { userProperties, contentType: "text/plain" } });
    const { properties } = await one.hears(topic, "x");
    same([properties.userProperties, properties.contentType], [userProperties, "text/plain"]);
  },
  "message expiry": async (topic) => {
    const one = await client("expiry");
    await one.publishAsync(topic, "kept", { qos: 1, retain: true, properties: { messageExpiryInterval: 100 } });
    await one.subscribeAsync(topic);
    const left = (await one.hears(topic, "kept", 0, true)).properties.messageExpiryInterval;
    same(left > 0 && left <= 100, true);
  },
  "request and response": async (topic) => {
    const [server, one] = [await client("server"), await client("client")];
    await server.subscribeAsync(topic);
    await one.subscribeAsync(topic + "/answer");
    const asked = { responseTopic: topic + "/answer", correlationData: Buffer.from("7") };
    await one.publishAsync(topic, "question", { properties: asked });
    const { properties } = await server.hears(topic, "question");
    const { responseTopic, correlationData } = properties;
    await server.publishAsync(responseTopic, "answer", { properties: { correlationData } });
    const answer = await one.hears(topic + "/answer", "answer");
    same(answer.properties.correlationData.toString(), "7");
  },
  "shared subscription": async (topic) => {
    const members = [await client("member1"), await client("member2")];
    const publisher = await client("publisher");
    const heard = [];
    for (const member of members) {
      await member.subscribeAsync("$share/group/" + topic, { qos: 1 });
    }
    for (let number = 0; number < 10; number += 1) {
      await publisher.publishAsync(topic, String(number), { qos: 1 });
    }
    for (const member of members) {
      await member.subscribeAsync(topic + "/barrier");
      await publisher.publishAsync(topic + "/barrier", "end", { qos: 1 });
      for (let message = await member.next(); message.told[1] !== "end"; message = await member.next()) {
        heard.push(Number(message.told[1]));
      }
      await member.unsubscribeAsync(topic + "/barrier");
    }
    same(heard.sort(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  },
  "no local": async (topic) => {
    const [one, other] = [await client("nolocal"), await client("nolocalother")];
    await one.subscribeAsync(topic, { qos: 1, nl: true });
    await one.publishAsync(topic, "own", { qos: 1 });
    await other.publishAsync(topic, "other's", { qos: 1 });
    await one.hears(topic, "other's", 1);
  },
  "subscription identifiers": async (topic) => {
    const one = await client("identifiers");
    await one.subscribeAsync(topic, { properties: { subscriptionIdentifier: 200 } });
    await one.publishAsync(topic, "x");
    same((await one.hears(topic, "x")).properties.subscriptionIdentifier, 200);
  },
  "topic alias": async (topic) => {
    const one = await client("alias", { properties: { topicAliasMaximum: 5 }, autoUseTopicAlias: true, autoAssignTopicAlias: true });
    same(one.connack.properties.topicAliasMaximum > 0, true);
    await one.subscribeAsync(topic);
    for (let round = 0; round < 3; round += 1) {
      await one.publishAsync(topic, "x");
      await one.hears(topic, "x");
    }
  },
  "session expiry": async (topic) => {
    await persistent(topic, 100, "expires");
    for (let round = 0; round < 2; round += 1) {
      const one = await client("ends", { clean: false });
      same(one.connack.sessionPresent, false);
      await one.endAsync();
    }
  },
};

function inTime(promise) {
  return Promise.race([promise, new Promise((_, fail) => setTimeout(() => fail(new Error("nothing came")), 30000).unref())]);
}

(async () => {
  for (const [name, feature] of Object.entries(five ? { ...features, ...featuresOfFive } : features)) {
    let result = "ok";
    try {
      await inTime(feature(prefix + name.replaceAll(" ", "")));
    } catch (error) {
      result = `failed: ${error.message}`;
    }
    console.log(`${name}\t${result}`);
    open.forEach((one) => one.end(true));
    open.clear();
  }
  process.exit(0);
})();

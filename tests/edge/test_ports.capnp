@0xc7e2a94f15b08d36;

# The edge with two additional ports for tests: to its queue and to its keys in KV.

using Workerd = import "/workerd/workerd.capnp";
using Edge = import "../../edge/local/workerd.capnp";
using Simulators = import "../../edge/local/simulators.capnp";

const config :Workerd.Config = (
  sockets = [
    (name = "http", address = "unix:edge.sock", http = (), service = "edge"),
    (name = "queue", address = "127.0.0.1:0", http = (), service = "JOBS"),
    (name = "keys", address = "127.0.0.1:0", http = (), service = "KEYS"),
  ],
  services = Edge.services,
  extensions = [Simulators.extension],
);

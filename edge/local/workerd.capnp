@0xa1f0d7c2b3e94d65;

# The edge on this machine: the Worker in workerd, behind a relay. serve.sh runs it, with the
# Worker's secrets and variables in the environment.
#
# Values that are also in wrangler.toml must be equal there: tests/tests/structure/edge.rs compares
# them.

using Workerd = import "/workerd/workerd.capnp";
using Simulators = import "simulators.capnp";

const config :Workerd.Config = (
  sockets = [(name = "http", address = "unix:edge.sock", http = (), service = "edge")],
  services = .services,
  extensions = [Simulators.extension],
);

const services :List(Workerd.Service) = [
  (name = "edge", worker = .edge),
  # Every request of the Worker goes here, regardless of its address, because it talks only to its
  # origin.
  (name = "origin", external = (address = "127.0.0.1:8080", http = ())),
  # Where spans go, if OTEL_EXPORTER_OTLP_ENDPOINT is set. serve.sh gives the address.
  (name = "otlp", external = (address = "127.0.0.1:4318", http = ())),
  (name = "ledger", disk = (writable = true)),
  (name = "log", worker = Simulators.log),
  (name = "kv-disk", disk = (writable = true)),
  (name = "kv", worker = Simulators.kv),
  (name = "r2-disk", disk = (writable = true)),
  (name = "r2", worker = Simulators.r2),
  (name = "queues", worker = .queues),
  (name = "KEYS", worker = (
    compatibilityDate = "2023-07-24",
    modules = Simulators.entry,
    bindings = [
      (name = "MINIFLARE_NAMESPACE", text = "cortex-keys"),
      (name = "MINIFLARE_OBJECT", durableObjectNamespace = (className = "KVNamespaceObject", serviceName = "kv")),
    ],
  )),
  (name = "PARKED", worker = (
    compatibilityDate = "2023-07-24",
    modules = Simulators.entry,
    bindings = [
      (name = "MINIFLARE_NAMESPACE", text = "cortex-parked"),
      (name = "MINIFLARE_OBJECT", durableObjectNamespace = (className = "R2BucketObject", serviceName = "r2")),
    ],
  )),
  (name = "JOBS", worker = (
    compatibilityDate = "2023-07-24",
    modules = Simulators.entry,
    bindings = [
      (name = "MINIFLARE_NAMESPACE", text = "cortex-jobs"),
      (name = "MINIFLARE_OBJECT", durableObjectNamespace = (className = "QueueBrokerObject", serviceName = "queues")),
    ],
  )),
];

const edge :Workerd.Worker = (
  compatibilityDate = "2026-04-01",
  compatibilityFlags = ["enable_request_signal"],
  modules = [
    (name = "index.js", esModule = embed "../build/index.js"),
    (name = "./index_bg.wasm", wasm = embed "../build/index_bg.wasm"),
  ],
  bindings = [
    (name = "KEY_PEPPER", fromEnvironment = "KEY_PEPPER"),
    (name = "EDGE_KEYS", fromEnvironment = "EDGE_KEYS"),
    (name = "ORIGIN_KEYS", fromEnvironment = "ORIGIN_KEYS"),
    (name = "ORIGIN_URL", fromEnvironment = "ORIGIN_URL"),
    (name = "CORTEX_TOPICS", fromEnvironment = "CORTEX_TOPICS"),
    (name = "CORTEX_CORS_ORIGINS", fromEnvironment = "CORTEX_CORS_ORIGINS"),
    (name = "CORTEX_LEDGER_LIMITS", fromEnvironment = "CORTEX_LEDGER_LIMITS"),
    (name = "OTEL_EXPORTER_OTLP_ENDPOINT", fromEnvironment = "OTEL_EXPORTER_OTLP_ENDPOINT"),
    (name = "OTEL_EXPORTER_OTLP_HEADERS", fromEnvironment = "OTEL_EXPORTER_OTLP_HEADERS"),
    (name = "OTEL_TRACES_SAMPLER_ARG", fromEnvironment = "OTEL_TRACES_SAMPLER_ARG"),
    (name = "OTLP", service = "otlp"),
    (name = "KEYS", kvNamespace = "KEYS"),
    (name = "PARKED", r2Bucket = "PARKED"),
    (name = "JOBS", queue = "JOBS"),
    (name = "LEDGER", durableObjectNamespace = "Ledger"),
    (name = "NONCES", durableObjectNamespace = "Nonces"),
  ],
  durableObjectNamespaces = [
    (className = "Ledger", uniqueKey = "cortex-edge-Ledger", enableSql = true),
    (className = "Nonces", uniqueKey = "cortex-edge-Nonces", enableSql = true),
  ],
  durableObjectStorage = (localDisk = "ledger"),
  globalOutbound = "origin",
);

const queues :Workerd.Worker = (
  compatibilityDate = "2023-07-24",
  compatibilityFlags = ["nodejs_compat", "experimental", "service_binding_extra_handlers"],
  modules = Simulators.queueModules,
  durableObjectNamespaces = [
    (className = "QueueBrokerObject", uniqueKey = "miniflare-QueueBrokerObject", preventEviction = true),
  ],
  durableObjectStorage = (inMemory = void),
  bindings = [
    (name = "MINIFLARE_LOOPBACK", service = "log"),
    (name = "MINIFLARE_OBJECT", durableObjectNamespace = "QueueBrokerObject"),
    (name = "MINIFLARE_QUEUE_PRODUCERS", json = "{\"JOBS\":{\"workerName\":\"edge\",\"queueName\":\"cortex-jobs\"}}"),
    (name = "MINIFLARE_QUEUE_CONSUMERS", json = embed "consumers.json"),
    (name = "MINIFLARE_WORKER_edge", service = "edge"),
  ],
);

@0xb4c9f3a1d2e85a70;

# KV, R2 and Queues for a Worker that runs in workerd on this machine. They are the simulators of
# the miniflare package, which wrangler uses too, without wrangler's programs around them
# (inspector, explorer, registry, the server for their log).

using Workerd = import "/workerd/workerd.capnp";

const flags :List(Text) = ["nodejs_compat", "experimental"];

# The imports of the simulators.
const extension :Workerd.Extension = (
  modules = [
    (name = "miniflare:shared", esModule = embed "../../node_modules/miniflare/dist/src/workers/shared/index.worker.js"),
    (name = "miniflare:zod", esModule = embed "../../node_modules/miniflare/dist/src/workers/shared/zod.worker.js"),
  ],
);

# The simulators send their log to a service. This service prints it.
const log :Workerd.Worker = (
  compatibilityDate = "2026-04-01",
  modules = [(name = "log.js", esModule = embed "log.js")],
);

# Forwards the requests of a binding to the object with the namespace, the bucket or the queue.
const entry :List(Workerd.Worker.Module) = [
  (name = "entry.js", esModule = embed "../../node_modules/miniflare/dist/src/workers/shared/object-entry.worker.js"),
];

const kv :Workerd.Worker = (
  compatibilityDate = "2023-07-24",
  compatibilityFlags = .flags,
  modules = [(name = "kv.js", esModule = embed "../../node_modules/miniflare/dist/src/workers/kv/namespace.worker.js")],
  durableObjectNamespaces = [(className = "KVNamespaceObject", uniqueKey = "miniflare-KVNamespaceObject")],
  durableObjectStorage = (localDisk = "kv-disk"),
  bindings = [
    (name = "MINIFLARE_BLOBS", service = "kv-disk"),
    (name = "MINIFLARE_LOOPBACK", service = "log"),
  ],
);

const r2 :Workerd.Worker = (
  compatibilityDate = "2023-07-24",
  compatibilityFlags = .flags,
  modules = [(name = "r2.js", esModule = embed "../../node_modules/miniflare/dist/src/workers/r2/bucket.worker.js")],
  durableObjectNamespaces = [(className = "R2BucketObject", uniqueKey = "miniflare-R2BucketObject")],
  durableObjectStorage = (localDisk = "r2-disk"),
  bindings = [
    (name = "MINIFLARE_BLOBS", service = "r2-disk"),
    (name = "MINIFLARE_LOOPBACK", service = "log"),
  ],
);

const queueModules :List(Workerd.Worker.Module) = [
  (name = "queue.js", esModule = embed "../../node_modules/miniflare/dist/src/workers/queues/broker.worker.js"),
];

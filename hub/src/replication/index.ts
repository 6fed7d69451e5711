export { type PeerAddress, PeerLink, Peers } from './peers.ts';
export { ReplicaManager, type ReplicaManagerDeps } from './replica-manager.ts';

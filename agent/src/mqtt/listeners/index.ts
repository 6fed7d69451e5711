export { type Listener, type ListenerSettings, type Listeners, startListeners } from './listeners.ts';
export type { MqttPeer, MqttSocket } from './peer.ts';

/** What stands in the way of gateways' data in a topic, before it does. */
export interface TopicFinding {
  readonly severity: 'problem' | 'warning' | 'note';
  readonly setting: string;
  readonly value: string;
  readonly says: string;
  readonly advice: string;
}

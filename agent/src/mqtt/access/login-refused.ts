/** CONNACK return codes of MQTT 3.1.1; aedes has 0x85, 0x88, 0x86 and 0x87 for them in MQTT 5.0. */
export const IDENTIFIER_REJECTED = 2;
export const UNAVAILABLE = 3;
export const BAD_PASSWORD = 4;
export const NOT_AUTHORIZED = 5;

/** Told to the client as `returnCode`; whoever throws it has logged it. */
export class LoginRefused extends Error {
  override readonly name = 'LoginRefused';
  readonly returnCode: number;

  constructor(returnCode: number, message: string) {
    super(message);
    this.returnCode = returnCode;
  }
}

/** Numbers of SMPP 3.4: command ids (§5.1.2.1), optional parameter tags (§5.3.2) and esm_class bits (§5.2.12). */

export const HEADER_BYTES = 16
/** Highest sequence_number that we use ourselves (§5.1.4); after it comes 1. */
export const SEQUENCE_MAX = 0x7fffffff
/** interface_version: what a bind offers and sc_interface_version answers (§5.2.4). */
export const VERSION = { threeFour: 0x34, five: 0x50 } as const
/** Set in the command id of every response. */
export const RESPONSE = 0x80000000

export const COMMAND = {
  genericNack: 0x80000000,
  bindReceiver: 0x00000001,
  bindReceiverResp: 0x80000001,
  bindTransmitter: 0x00000002,
  bindTransmitterResp: 0x80000002,
  querySm: 0x00000003,
  submitSm: 0x00000004,
  submitSmResp: 0x80000004,
  deliverSm: 0x00000005,
  deliverSmResp: 0x80000005,
  unbind: 0x00000006,
  unbindResp: 0x80000006,
  bindTransceiver: 0x00000009,
  bindTransceiverResp: 0x80000009,
  outbind: 0x0000000b,
  enquireLink: 0x00000015,
  enquireLinkResp: 0x80000015,
  alertNotification: 0x00000102,
  dataSm: 0x00000103,
  dataSmResp: 0x80000103,
} as const

export const TAG = {
  destinationSubunit: 0x0005,
  receiptedMessageId: 0x001e,
  sourcePort: 0x020a,
  destinationPort: 0x020b,
  userMessageReference: 0x0204,
  sarReference: 0x020c,
  sarTotal: 0x020e,
  sarSequence: 0x020f,
  interfaceVersion: 0x0210,
  networkErrorCode: 0x0423,
  messagePayload: 0x0424,
  messageState: 0x0427,
} as const

export const ESM = {
  /** Message type bits 5 to 2. */
  typeMask: 0x3c,
  receipt: 0x04,
  /** Acknowledgements of the recipient's equipment, and of its user. */
  deliveryAck: 0x08,
  userAck: 0x10,
  intermediate: 0x20,
  /** A user data header stands before the text. */
  udhi: 0x40,
} as const

export type BindCommand = typeof COMMAND.bindReceiver | typeof COMMAND.bindTransmitter | typeof COMMAND.bindTransceiver

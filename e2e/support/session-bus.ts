/** The D-Bus session of the tests, watched: every message of some interfaces, as it was sent. */
import { Message, MessageType, sessionBus, type MessageBus } from 'dbus-next'

const BUS = { destination: 'org.freedesktop.DBus', path: '/org/freedesktop/DBus' } as const

export const callBus = async (
  bus: MessageBus,
  call: { destination: string; path: string; interface: string; member: string; signature?: string; body?: unknown[] },
): Promise<unknown[]> => ((await bus.call(new Message({ ...call })))?.body ?? []) as unknown[]

/** Resolves once somebody owns the name. */
export const nameOwned = async (name: string): Promise<void> => {
  const bus = sessionBus()
  try {
    const owned = new Promise<void>((resolve) =>
      bus.on('message', ({ member, body }: Message) => {
        if (member === 'NameOwnerChanged' && body[0] === name && body[2] !== '') resolve()
      }),
    )
    const rule = `type='signal',member='NameOwnerChanged',arg0='${name}'`
    const ask = { ...BUS, interface: 'org.freedesktop.DBus', signature: 's' }
    await callBus(bus, { ...ask, member: 'AddMatch', body: [rule] })
    const [isOwned] = await callBus(bus, { ...ask, member: 'NameHasOwner', body: [name] })
    if (isOwned !== true) await owned
  } finally {
    bus.disconnect()
  }
}

/** All method calls of one interface that anybody in the session makes, oldest first. */
export class CallMonitor implements Disposable {
  readonly calls: Message[] = []
  readonly #bus = sessionBus()
  #wake = Promise.withResolvers<void>()

  static async of(interfaceName: string): Promise<CallMonitor> {
    const monitor = new CallMonitor()
    const bus = monitor.#bus
    // What is watched is for others to answer.
    bus.addMethodHandler(() => true)
    bus.on('message', (message: Message) => {
      if (message.type !== MessageType.METHOD_CALL || message.interface !== interfaceName) return
      monitor.calls.push(message)
      monitor.#wake.resolve()
      monitor.#wake = Promise.withResolvers()
    })
    await callBus(bus, {
      ...BUS,
      interface: 'org.freedesktop.DBus.Monitoring',
      member: 'BecomeMonitor',
      signature: 'asu',
      body: [[`type='method_call',interface='${interfaceName}'`], 0],
    })
    return monitor
  }

  named(member: string): readonly Message[] {
    return this.calls.filter((call) => call.member === member)
  }

  /** Resolves once there have been so many calls of a method; with the latest of them. */
  async nth(member: string, count: number): Promise<Message> {
    for (;;) {
      const call = this.named(member)[count - 1]
      if (call) return call
      await this.#wake.promise
    }
  }

  [Symbol.dispose](): void {
    this.#bus.disconnect()
  }
}

/** A panel for tests: the watcher that tray icons register with on D-Bus, and a reader of their menus. */
import { join } from 'node:path'
import { interface as dbusInterface, Message, sessionBus, Variant, type MessageBus } from 'dbus-next'

const WATCHER = 'org.kde.StatusNotifierWatcher'
const ITEM = 'org.kde.StatusNotifierItem'
const MENU = 'com.canonical.dbusmenu'

class Watcher extends dbusInterface.Interface {
  readonly registered = Promise.withResolvers<string>()
  readonly IsStatusNotifierHostRegistered = true
  readonly ProtocolVersion = 0
  readonly RegisteredStatusNotifierItems: string[] = []

  RegisterStatusNotifierItem(service: string): void {
    this.registered.resolve(service)
  }
  RegisterStatusNotifierHost(): void {
    // The panel is its own host.
  }
}
Watcher.configureMembers({
  properties: {
    IsStatusNotifierHostRegistered: { signature: 'b', access: dbusInterface.ACCESS_READ },
    ProtocolVersion: { signature: 'i', access: dbusInterface.ACCESS_READ },
    RegisteredStatusNotifierItems: { signature: 'as', access: dbusInterface.ACCESS_READ },
  },
  methods: {
    RegisterStatusNotifierItem: { inSignature: 's', outSignature: '' },
    RegisterStatusNotifierHost: { inSignature: 's', outSignature: '' },
  },
})

export interface MenuItem {
  readonly id: number
  readonly label: string
  readonly inner: readonly MenuItem[]
}

/** `[id, properties, children]`, the children in variants; as com.canonical.dbusmenu describes. */
type Layout = [number, Record<string, Variant>, Variant<Layout>[]]

const toItem = ([id, properties, inner]: Layout): MenuItem => ({
  id,
  label: properties['type']?.value === 'separator' ? '-' : String(properties['label']?.value ?? ''),
  inner: inner.map(({ value }) => toItem(value)),
})

/** One item of the panel, once it registered. */
export class TrayItem {
  readonly #bus: MessageBus
  readonly #destination: string
  readonly #path: string

  constructor(bus: MessageBus, service: string) {
    const slash = service.indexOf('/')
    this.#bus = bus
    this.#destination = slash < 0 ? service : service.slice(0, slash)
    this.#path = slash < 0 ? '/StatusNotifierItem' : service.slice(slash)
  }

  async property(name: string): Promise<unknown> {
    const [value] = (await this.#call(this.#path, 'org.freedesktop.DBus.Properties', 'Get', 'ss', [ITEM, name])) as [
      Variant,
    ]
    return value.value
  }

  /** Where the image lies: in a session that says it is GNOME, Chromium hands icons over as files. */
  async iconFile(): Promise<string> {
    return join(String(await this.property('IconThemePath')), `${String(await this.property('IconName'))}.png`)
  }

  async tooltip(): Promise<string> {
    return String(((await this.property('ToolTip')) as unknown[])[2])
  }

  /** What a click on the icon does. */
  async activate(): Promise<void> {
    await this.#call(this.#path, ITEM, 'Activate', 'ii', [0, 0])
  }

  async menu(): Promise<MenuItem> {
    const [, layout] = (await this.#call(await this.#menuPath(), MENU, 'GetLayout', 'iias', [0, -1, []])) as [
      number,
      Layout,
    ]
    return toItem(layout)
  }

  async click(id: number): Promise<void> {
    await this.#call(await this.#menuPath(), MENU, 'Event', 'isvu', [id, 'clicked', new Variant('i', 0), 0])
  }

  async #menuPath(): Promise<string> {
    return String(await this.property('Menu'))
  }

  async #call(path: string, iface: string, member: string, signature: string, body: unknown[]): Promise<unknown[]> {
    const message = new Message({ destination: this.#destination, path, interface: iface, member, signature, body })
    return ((await this.#bus.call(message))?.body ?? []) as unknown[]
  }
}

export class TestPanel {
  readonly #bus = sessionBus()
  readonly #watcher = new Watcher(WATCHER)

  async open(): Promise<void> {
    this.#bus.export('/StatusNotifierWatcher', this.#watcher)
    await this.#bus.requestName(WATCHER, 0)
  }

  /** The first icon that registers. */
  async item(): Promise<TrayItem> {
    return new TrayItem(this.#bus, await this.#watcher.registered.promise)
  }

  close(): void {
    this.#bus.disconnect()
  }
}

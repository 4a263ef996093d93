/** Which way to the node there is: the port that a desktop shell hands to its page, else the web. */
import type { Transport } from '@connectrpc/connect'
import { openWebTransport } from './web-transport.ts'

interface PortTransportModule {
  readonly openPortTransport: () => Promise<Transport | undefined>
}

/** The desktop's half is looked up by name: a build of the interface alone goes without it. */
const portModules = import.meta.glob<PortTransportModule>('./port-transport.ts')

export interface Connection {
  readonly transport: Transport
  /** True inside the desktop shell: `DesktopService` answers, and dropped files have paths. */
  readonly isDesktop: boolean
}

export const openConnection = async (): Promise<Connection> => {
  for (const load of Object.values(portModules)) {
    const transport = await (await load()).openPortTransport()
    if (transport !== undefined) return { transport, isDesktop: true }
  }
  return { transport: openWebTransport(), isDesktop: false }
}

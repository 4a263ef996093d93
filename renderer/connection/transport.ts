/** Which way to the node there is: the port that a desktop shell hands to its page, else the web. */
import type { Transport } from '@connectrpc/connect'
import { openWebTransport } from './web-transport.ts'

interface PortTransportModule {
  readonly openPortTransport: () => Promise<Transport | undefined>
}

/** The desktop's half is looked up by name: a build of the interface alone goes without it. */
const portModules = import.meta.glob<PortTransportModule>('./port-transport.ts', { eager: true })

export interface Connection {
  readonly transport: Transport
  /** True inside the desktop shell: `DesktopService` answers, and dropped files have paths. */
  readonly isDesktop: boolean
  /** Another way to the node once this one is lost: a port that closed stays closed. */
  readonly renew: () => Promise<Transport>
}

export const openConnection = async (): Promise<Connection> => {
  for (const { openPortTransport } of Object.values(portModules)) {
    const transport = await openPortTransport()
    if (transport === undefined) continue
    return { transport, isDesktop: true, renew: async () => (await openPortTransport()) ?? transport }
  }
  const transport = openWebTransport()
  return { transport, isDesktop: false, renew: async () => transport }
}

/** What the app may be started with. Chromium's own switches are among them and are none of ours. */
import { parseArgs } from 'node:util'

export interface StartArgs {
  readonly home?: string
  /** Multiaddrs to listen on, in place of those in config.json. */
  readonly listen: readonly string[]
  readonly localDiscovery: boolean
  /** In the tray only. */
  readonly hidden: boolean
}

export const parseStartArgs = (argv: readonly string[]): StartArgs => {
  const { values } = parseArgs({
    args: [...argv],
    strict: false,
    allowPositionals: true,
    options: {
      home: { type: 'string' },
      listen: { type: 'string', multiple: true },
      'no-mdns': { type: 'boolean' },
      hidden: { type: 'boolean' },
    },
  })
  const { home, listen } = values
  return {
    ...(typeof home === 'string' && home !== '' && { home }),
    listen: Array.isArray(listen) ? listen.filter((address) => typeof address === 'string') : [],
    localDiscovery: values['no-mdns'] !== true,
    hidden: values['hidden'] === true,
  }
}

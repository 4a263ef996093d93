/**
 * How connections are secured: TLS 1.3, or Noise with whoever lacks it. The code of either is read when the first
 * connection asks for it: it is most of what a start of the network would read.
 */
import type { ConnectionEncrypter } from '@libp2p/interface'
import type { NoiseComponents } from '@libp2p/noise'
import type { TLSComponents } from '@libp2p/tls'

/** `load` is asked once. */
const whenNeeded =
  <Components>(protocol: string, load: () => Promise<(components: Components) => ConnectionEncrypter>) =>
  (components: Components): ConnectionEncrypter => {
    let loaded: Promise<ConnectionEncrypter> | undefined
    const encrypter = () => (loaded ??= load().then((make) => make(components)))
    return {
      protocol,
      secureInbound: async (stream, options) => await (await encrypter()).secureInbound(stream, options),
      secureOutbound: async (stream, options) => await (await encrypter()).secureOutbound(stream, options),
    }
  }

export const encrypters = () => [
  whenNeeded<TLSComponents>('/tls/1.0.0', async () => (await import('@libp2p/tls')).tls()),
  whenNeeded<NoiseComponents>('/noise', async () => (await import('@libp2p/noise')).noise()),
]

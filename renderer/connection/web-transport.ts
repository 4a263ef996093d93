/**
 * The connection of a browser: Connect over HTTP to the node that served the page. The node's address bar holds the
 * token once, as `#token=…`; we keep it for this tab and take it out of the address, so that it is neither shown,
 * bookmarked nor sent anywhere else.
 */
import type { Interceptor, Transport } from '@connectrpc/connect'
import { createConnectTransport } from '@connectrpc/connect-web'

const TOKEN_KEY = 'lattice.token'
const tokenPattern = /^[\w.~+/=-]{16,512}$/

/** The token of a fragment such as `#token=…`; undefined when it holds none that could be one. */
export const tokenOf = (fragment: string): string | undefined => {
  const match = /^#token=([^&]*)/.exec(fragment)?.[1]
  if (match === undefined) return undefined
  try {
    const token = decodeURIComponent(match)
    return tokenPattern.test(token) ? token : undefined
  } catch {
    return undefined // not percent-encoded as it should be
  }
}

/**
 * Takes the token from the address into this tab's keeping; says whether there was one. To be called before anything is
 * waited for: once another address is gone to, the token would be lost.
 */
export const keepToken = (): boolean => {
  const given = tokenOf(location.hash)
  if (location.hash.startsWith('#token=')) history.replaceState(null, '', `${location.pathname}${location.search}`)
  if (given !== undefined) sessionStorage.setItem(TOKEN_KEY, given)
  return given !== undefined
}

const bearer =
  (token: string): Interceptor =>
  (next) =>
  (request) => {
    request.header.set('authorization', `Bearer ${token}`)
    return next(request)
  }

export const openWebTransport = (): Transport => {
  const token = sessionStorage.getItem(TOKEN_KEY) ?? undefined
  return createConnectTransport({
    baseUrl: new URL('rpc', new URL('.', location.href)).href,
    useBinaryFormat: true,
    interceptors: token === undefined ? [] : [bearer(token)],
  })
}

/** The address of a connection as people know addresses; one of another form is shown as it is. */

/** '/ip4/192.168.1.7/tcp/4001/p2p/…' → '192.168.1.7:4001'; over a relay the relay's. */
export const shortAddress = (address: string): string => {
  const match = /^\/(?:ip4|ip6|dns|dns4|dns6)\/([^/]+)\/(?:tcp|udp)\/(\d+)(?:\/|$)/.exec(address)
  if (match === null) return address
  const [, host = '', port = ''] = match
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

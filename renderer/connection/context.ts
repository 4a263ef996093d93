/** Where components get the connection to the node from. */
import type { Transport } from '@connectrpc/connect'
import { createContext } from 'react'

export const TransportContext = createContext<Transport | undefined>(undefined)

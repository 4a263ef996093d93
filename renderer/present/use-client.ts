/** A client of one service over the connection the app has. */
import type { DescService } from '@bufbuild/protobuf'
import { createClient, type Client } from '@connectrpc/connect'
import { useContext, useMemo } from 'react'
import { TransportContext } from '../connection/context.ts'

/** Throws where no `TransportContext` is above: a mistake of the program's, never of the person's. */
export function useClient<Service extends DescService>(service: Service): Client<Service> {
  const transport = useContext(TransportContext)
  if (transport === undefined) throw new Error('A component that talks to the node stands outside of its connection.')
  return useMemo(() => createClient(service, transport), [service, transport])
}

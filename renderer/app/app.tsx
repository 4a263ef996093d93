/** The app around its screens: connection, language direction, and what is shown until the node has answered. */
import { useEffect, useState } from 'react'
import type { Transport } from '@connectrpc/connect'
import { I18nProvider } from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import { Router } from 'wouter'
import { useHashLocation } from 'wouter/use-hash-location'
import { TransportContext } from '../connection/context.ts'
import { IsDesktopContext } from '../connection/desktop.ts'
import type { Connection } from '../connection/transport.ts'
import { Mark } from '../design/icons.tsx'
import { ErrorNote } from '../design/error-note.tsx'
import { ToastRegion } from '../design/toast.tsx'
import { followNode, useNode } from '../state/node-store.ts'
import { followRates } from '../state/rates.ts'
import { DesktopPreferences } from './desktop-preferences.tsx'
import { DesktopRequests } from './desktop-requests.tsx'
import { Frame } from './frame.tsx'
import { Welcome } from './welcome.tsx'
import css from './frame.module.css'

/** Follows the node for as long as the app is shown; gives the transport that leads to it now. */
const useNodeFollowed = ({ transport: first, renew }: Connection): Transport => {
  const [transport, setTransport] = useState(first)
  useEffect(() => {
    const gone = new AbortController()
    const stopRates = followRates()
    let isFirst = true
    const open = async (): Promise<Transport> => {
      const next = isFirst ? first : await renew()
      isFirst = false
      if (!gone.signal.aborted) setTransport(next)
      return next
    }
    void followNode(open, gone.signal)
    return () => {
      gone.abort()
      stopRates()
    }
  }, [first, renew])
  return transport
}

/** Before the first snapshot: that we wait, or why there is none. */
const Waiting = () => {
  const { t } = useTranslation('app')
  const link = useNode((state) => state.link)
  return (
    <main className={css['alone']} aria-busy={link.at === 'connecting'}>
      <Mark size={44} />
      <h1>{t(link.at === 'lost' ? 'waiting.failed' : 'waiting.title')}</h1>
      {link.at === 'lost' && link.why.kind === 'unauthenticated' && <p role="alert">{t('lost.unauthenticated')}</p>}
      {link.at === 'lost' && link.why.kind !== 'unauthenticated' && <ErrorNote failure={link.why} />}
    </main>
  )
}

const Content = () => {
  const isKnown = useNode(({ facts }) => facts !== undefined)
  if (!isKnown) return <Waiting />
  return (
    <Welcome>
      <Frame />
    </Welcome>
  )
}

export const App = ({ connection }: { readonly connection: Connection }) => {
  const { i18n } = useTranslation()
  const transport = useNodeFollowed(connection)
  return (
    <TransportContext value={transport}>
      <IsDesktopContext value={connection.isDesktop}>
        <I18nProvider locale={i18n.language}>
          <Router hook={useHashLocation}>
            {connection.isDesktop && (
              <>
                <DesktopPreferences />
                <DesktopRequests />
              </>
            )}
            <Content />
            <ToastRegion />
          </Router>
        </I18nProvider>
      </IsDesktopContext>
    </TransportContext>
  )
}

/** The frame of the app: navigation, the state of the link to the node, what waits for an answer, and the screen. */
import { Suspense } from 'react'
import { useTranslation } from 'react-i18next'
import { Link, Redirect, Route, Switch, useLocation } from 'wouter'
import { Icon, Mark } from '../design/icons.tsx'
import { formatBytes } from '../present/format.ts'
import { useNode, usePeers } from '../state/node-store.ts'
import { useRates } from '../state/rates.ts'
import { IncomingJoins } from '../features/pairing/incoming-joins.tsx'
import { DropTarget } from '../features/folders/drop-target.tsx'
import { ErrorBoundary } from './error-boundary.tsx'
import { homePath, routes, type NavEntry } from './routes.tsx'
import css from './frame.module.css'

const none = (): number => 0

const NavLink = ({ path, nav }: { readonly path: string; readonly nav: NavEntry }) => {
  const { t } = useTranslation('app')
  const [location] = useLocation()
  const count = (nav.useCount ?? none)()
  const root = `/${path.split('/')[1] ?? ''}`
  const isHere = [root, nav.also].some((start) => start !== undefined && `${location}/`.startsWith(`${start}/`))
  return (
    <li>
      <Link href={root} className={css['link']} aria-current={isHere ? 'page' : undefined}>
        <Icon name={nav.icon} />
        <span>{t(nav.title)}</span>
        {count > 0 && <span className={css['count']}>{count}</span>}
      </Link>
    </li>
  )
}

/** This device, and what moves. */
const DeviceLine = () => {
  const { t, i18n } = useTranslation('app')
  const name = useNode(({ facts }) => facts?.settings?.deviceName || facts?.status.name || '')
  const peers = usePeers()
  const { up, down } = useRates()
  const connected = [...peers.values()].filter((peer) => peer.connected && !peer.self).length
  return (
    <div className={css['device']}>
      <strong>{name}</strong>
      <span>{t('connected', { count: connected })}</span>
      {(up >= 1 || down >= 1) && (
        <span className={css['rates']}>
          {t('rates', { up: formatBytes(up, i18n.language), down: formatBytes(down, i18n.language) })}
        </span>
      )}
    </div>
  )
}

const LinkState = () => {
  const { t } = useTranslation('app')
  const link = useNode((state) => state.link)
  if (link.at !== 'lost') return null
  return (
    <p className={css['lost']} role="status">
      <Icon name="warning" size={18} />
      {t(link.why.kind === 'unauthenticated' ? 'lost.unauthenticated' : 'lost.text')}
    </p>
  )
}

export const Frame = () => {
  const { t } = useTranslation('app')
  const [location] = useLocation()
  return (
    <DropTarget>
      <div className={css['frame']}>
        <nav className={css['nav']} aria-label={t('nav.label')}>
          <div className={css['brand']}>
            <Mark />
            <span>Lattice</span>
          </div>
          <ul className={css['links']}>
            {routes.map(({ path, nav }) => nav && <NavLink key={path} path={path} nav={nav} />)}
          </ul>
          <DeviceLine />
        </nav>
        <main className={css['main']}>
          <LinkState />
          <IncomingJoins />
          {/* A screen that failed is left by going to another. */}
          <ErrorBoundary resetKey={location}>
            <Suspense fallback={null}>
              <Switch>
                {routes.map(({ path, view }) => (
                  <Route key={path} path={path} component={view} />
                ))}
                <Redirect to={homePath} replace />
              </Switch>
            </Suspense>
          </ErrorBoundary>
        </main>
      </div>
    </DropTarget>
  )
}

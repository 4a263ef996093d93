/** Shows the first steps on a device that has nothing yet, and the app as soon as it has, or when they are put off. */
import { useState, type ReactNode } from 'react'
import { useLocation } from 'wouter'
import { DropTarget } from '../features/folders/drop-target.tsx'
import { Onboarding } from '../features/onboarding/onboarding.tsx'
import { useNode } from '../state/node-store.ts'
import { useRequestedLink } from '../state/requested-link.ts'
import { homePath } from './routes.tsx'

export const Welcome = ({ children }: { readonly children: ReactNode }) => {
  // Asked once: the steps end by being done, not because the first of them made a folder appear.
  const [isNew, setIsNew] = useState(() => {
    const { facts } = useNode.getState()
    return facts !== undefined && facts.folders.size === 0 && [...facts.peers.values()].every(({ self }) => self)
  })
  const [, navigate] = useLocation()
  const joined = (): void => {
    useRequestedLink.setState({ link: undefined })
    navigate(homePath) // a link that was clicked leads to the form for it
    setIsNew(false)
  }
  if (!isNew) return children
  return (
    <DropTarget onAdded={() => setIsNew(false)}>
      <Onboarding onDone={() => setIsNew(false)} onJoined={joined} />
    </DropTarget>
  )
}

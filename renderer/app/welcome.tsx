/** Shows the first steps on a device that has nothing yet, and the app as soon as it has, or when they are put off. */
import { useState, type ReactNode } from 'react'
import { Onboarding } from '../features/onboarding/onboarding.tsx'
import { useNode } from '../state/node-store.ts'

export const Welcome = ({ children }: { readonly children: ReactNode }) => {
  // Asked once: the steps end by being done, not because the first of them made a folder appear.
  const [isNew, setIsNew] = useState(() => {
    const { facts } = useNode.getState()
    return facts !== undefined && facts.folders.size === 0 && [...facts.peers.values()].every(({ self }) => self)
  })
  return isNew ? <Onboarding onDone={() => setIsNew(false)} /> : children
}

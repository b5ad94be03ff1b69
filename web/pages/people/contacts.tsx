/** Contacts. */
import { PeopleList } from "./list.tsx";

export default function Contacts() {
  return <PeopleList key="contact" kind="contact" />;
}

/** Leads. */
import { PeopleList } from "./list.tsx";

export default function Leads() {
  return <PeopleList key="lead" kind="lead" />;
}

-- An Email Campaign has few engagements: those of one of its messages are found among them. One index less a row.
drop index engagements_by_message;
